"use strict";
(() => {
  const found = { error: null, tokens: 0, styled: false, keys: [], panel: [9, 9, 9] };
  try {
    const tokens = [...document.querySelectorAll("[data-token]")];
    found.tokens = tokens.length;
    found.styled = getComputedStyle(document.querySelector(".text")).whiteSpace === "pre-wrap";
    const panel = (selector) => document.querySelectorAll("#panel " + selector);
    const tell = (key) => {
      const selected = tokens.findIndex((token) => token.getAttribute("aria-selected") === "true");
      const reached = tokens.filter((token) => token.tabIndex === 0).length;
      const heading = document.querySelector("#panel [aria-live=polite] h2");
      found.keys.push([key, selected, reached === 1, heading && heading.textContent]);
      if (selected < 0) return;
      const counts = ["tbody tr", ".steps li", ".share.chosen"].map((part) => panel(part).length);
      found.panel = found.panel.map((least, i) => Math.min(least, counts[i]));
    };
    tokens[0].focus();
    tell("focus");
    for (const key of ["ArrowRight", "End", "ArrowLeft", "Home", "ArrowDown"]) {
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
      tell(key);
    }
    document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    tell("Escape");
    // For the pictures.
    tokens[5].focus();
    scrollTo(0, 0);
  } catch (error) {
    found.error = String(error);
  }
  const told = document.createElement("pre");
  told.id = "check";
  told.hidden = true;
  told.textContent = JSON.stringify(found);
  document.body.append(told);
})();
