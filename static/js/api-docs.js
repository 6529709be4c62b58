// Shows the API's description by Swagger UI, which the page has loaded before.
const place = document.getElementById("api");

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  // The default asks another host whether the document is valid.
  validatorUrl: null,
});
