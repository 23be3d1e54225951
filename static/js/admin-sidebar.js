/** Lists need the width: on a laptop the sidebar is closed until somebody opens it. */
{
  const key = "django.admin.navSidebarIsOpen";
  if (localStorage.getItem(key) === null && window.innerWidth < 1600) {
    localStorage.setItem(key, "false");
  }
}
