function sayHello() {
  alert("Python 模板文件之静态资源文件")
}
