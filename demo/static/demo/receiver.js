// Puts new arrivals on top of the page every few seconds; what is open stays open.
"use strict";

(function () {
  const LOOK_EVERY_MS = 3000;
  const SHOWN = 50;
  const list = document.getElementById("arrivals");
  const live = document.getElementById("receiver-live");
  const empty = document.querySelector(".receiver-empty");

  function newest() {
    const first = list.querySelector("[data-id]");
    return first ? first.dataset.id : "0";
  }

  function put(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const rows = Array.from(fresh.content.querySelectorAll("[data-id]"));
    rows.forEach((row) => row.classList.add("is-new"));
    list.prepend(...rows);
    Array.from(list.querySelectorAll("[data-id]")).slice(SHOWN).forEach((row) => row.remove());
    rows.forEach((row) => count(row.querySelector("strong").textContent));
    if (rows.length) empty.hidden = true;
  }

  function count(name) {
    const counter = document.querySelector(`[data-count="${CSS.escape(name)}"]`);
    if (counter) counter.textContent = Number(counter.textContent) + 1;
    else location.reload(); // the first request at a new name: the page gets a filter for it
  }

  async function look() {
    if (!document.hidden) {
      const query = new URLSearchParams({ after: newest(), name: list.dataset.name });
      try {
        const answer = await fetch(`${list.dataset.address}?${query}`, { redirect: "error" });
        if (!answer.ok) throw new Error(answer.status);
        put(await answer.text());
        live.textContent = "Live.";
      } catch {
        live.textContent = "Postrider does not answer; still trying.";
      }
    }
    setTimeout(look, LOOK_EVERY_MS);
  }

  look();
})();
