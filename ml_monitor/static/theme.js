// Applies the viewer's choice of light or dark before anything is painted; without one the system's preference holds.
"use strict";

(() => {
  const root = document.documentElement;
  const choices = ["system", "light", "dark"];
  let chosen = "system";
  try {
    chosen = localStorage.getItem("ml-theme") ?? "system";
  } catch {
    // A browser that keeps nothing for us follows the system.
  }

  function apply(choice) {
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
  }

  apply(chosen);

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    const name = button.querySelector("span");
    const show = () => (name.textContent = chosen);
    button.hidden = false;
    show();
    button.addEventListener("click", () => {
      chosen = choices[(choices.indexOf(chosen) + 1) % choices.length];
      apply(chosen);
      show();
      try {
        if (chosen === "system") localStorage.removeItem("ml-theme");
        else localStorage.setItem("ml-theme", chosen);
      } catch {
        // It holds for this page alone.
      }
      document.dispatchEvent(new Event("themechange"));
    });
  });
})();
