// Menus are <details>, which open without a script; this closes them as one expects of a menu.
const menus = document.querySelectorAll("details.menu");

function closeOthers(kept) {
  for (const menu of menus) if (menu !== kept) menu.open = false;
}

document.addEventListener("click", (event) => closeOthers(event.target.closest("details.menu")));
document.addEventListener("focusin", (event) => closeOthers(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = [...menus].find((menu) => menu.open);
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});
