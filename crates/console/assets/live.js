// Loads the page again when the running day moved, without a flicker. Without JavaScript, the page loads itself again.
"use strict";
(() => {
  const events = new EventSource("/events");
  let loading = false;
  events.onmessage = async () => {
    const main = document.querySelector("main[data-live]");
    if (!main || loading || document.hidden) return;
    loading = true;
    try {
      const answer = await fetch(location.href, { cache: "no-store" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.querySelector("main");
      const inside = main.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      main.replaceChildren(...next.childNodes);
      if (inside) {
        const again = [...main.querySelectorAll("a")].find((it) => it.getAttribute("href") === inside);
        if (again) again.focus();
      }
      if (!next.hasAttribute("data-live")) events.close();
    } finally {
      loading = false;
    }
  };
})();
