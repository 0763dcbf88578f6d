// What is wider than its page can be scrolled with the keyboard too.
function makeScrollable() {
  for (const box of document.querySelectorAll("pre, .table-wrapper, .card-window, .bp-wide, .output")) {
    const scrolls = box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", makeScrollable);
addEventListener("resize", makeScrollable);
