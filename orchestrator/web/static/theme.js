// Light, dark or as the system has it: set before anything is painted, kept in this browser.

(() => {
  const KEY = "smoketest-theme";
  const ORDER = ["auto", "light", "dark"];
  const root = document.documentElement;

  function kept() {
    try { return localStorage.getItem(KEY) ?? "auto"; } catch { return "auto"; }
  }

  function keep(theme) {
    try { localStorage.setItem(KEY, theme); } catch { /* then for this page only */ }
  }

  function wear(theme) {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (!button) return;
    button.hidden = false;
    button.textContent = `colours: ${theme}`;
    button.setAttribute("aria-label", `colours: ${theme}, change`);
  }

  let theme = kept();
  wear(theme);
  document.addEventListener("DOMContentLoaded", () => {
    wear(theme);
    document.getElementById("theme")?.addEventListener("click", () => {
      theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
      keep(theme);
      wear(theme);
    });
  });
})();
