// Loads the content again when the running day moved, without a flicker. Without JavaScript, the page loads itself again.
"use strict";
(() => {
  let events = null;
  let loading = false;

  async function load() {
    const main = document.querySelector("main[data-live]");
    if (!main || loading) return;
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
    } catch {
      // The server is away for a moment; the next event tries again.
    } finally {
      loading = false;
    }
  }

  // A browser opens six connections to a server: a hidden page needs none.
  function follow() {
    if (document.hidden) {
      if (events) events.close();
      events = null;
    } else if (!events) {
      events = new EventSource("/events");
      events.onmessage = load;
    }
  }

  document.addEventListener("visibilitychange", () => {
    follow();
    if (!document.hidden) load();
  });
  follow();
})();
