// What a screen reader says of these is the text that stands in them.
document.addEventListener("DOMContentLoaded", () => {
  for (const named of document.querySelectorAll("summary, .search-button__button")) {
    const text = named.textContent.trim().replace(/\s+/g, " ");
    named.setAttribute("aria-label", text || "Show the pages below");
  }
});
