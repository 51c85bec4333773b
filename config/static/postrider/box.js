/* A text box in which one row of very many is chosen: the server offers what matches (box.html). */
"use strict";

(() => {
    const PAUSE = 200; // milliseconds after the last letter

    const start = (box) => {
        const [text, hidden] = box.querySelectorAll("input");
        const list = box.querySelector("ul");
        const status = box.querySelector("[role=status]");
        let chosen = hidden.value ? text.value : "";
        let active = -1;
        let waiting = 0;
        let asking = null;

        const offers = () => list.querySelectorAll("[role=option]");

        const close = () => {
            clearTimeout(waiting);
            if (asking) asking.abort();
            list.hidden = true;
            active = -1;
            text.setAttribute("aria-expanded", "false");
            text.removeAttribute("aria-activedescendant");
        };

        const mark = (index) => {
            const all = offers();
            active = all.length ? (index + all.length) % all.length : -1;
            all.forEach((offer, number) => offer.setAttribute("aria-selected", String(number === active)));
            if (active < 0) return;
            text.setAttribute("aria-activedescendant", all[active].id);
            all[active].scrollIntoView({ block: "nearest" });
        };

        const keep = (id, label) => {
            const isOther = hidden.value !== id;
            hidden.value = id;
            chosen = text.value = label;
            close();
            if (isOther) for (const name of ["input", "change"]) hidden.dispatchEvent(new Event(name, { bubbles: true }));
        };

        const offer = (id, label, number) => {
            const item = document.createElement("li");
            item.id = `${list.id}_${number}`;
            item.setAttribute("role", "option");
            item.dataset.id = id;
            item.textContent = label;
            item.setAttribute("aria-selected", "false");
            return item;
        };

        const show = ({ found, is_more: isMore }, isAll) => {
            const items = found.map((row, number) => offer(String(row.id), row.text, number + 1));
            if (isAll && !text.required) items.unshift(offer("", box.dataset.empty, 0));
            list.replaceChildren(...items);
            status.textContent = isMore ? `The first ${found.length}; type more to find others` : `${found.length} found`;
            if (!found.length || isMore) {
                const hint = document.createElement("li");
                hint.setAttribute("role", "presentation");
                hint.className = "hint";
                hint.textContent = isMore ? "Type more to find others" : "Nothing is called so";
                list.append(hint);
            }
            list.hidden = false;
            text.setAttribute("aria-expanded", "true");
            active = -1;
        };

        const ask = async () => {
            if (asking) asking.abort();
            asking = new AbortController();
            const address = new URL(box.dataset.source, location.href);
            const typed = text.value === chosen ? "" : text.value; // who opens it wants to see what else there is
            address.searchParams.set("q", typed);
            try {
                const answer = await fetch(address, { signal: asking.signal, headers: { Accept: "application/json" } });
                if (!answer.ok) throw new Error(String(answer.status));
                show(await answer.json(), typed === "");
            } catch (error) {
                if (error.name !== "AbortError") status.textContent = "What there is could not be looked up. Try again.";
            }
        };

        text.addEventListener("input", (event) => {
            event.stopPropagation(); // only a choice is news
            if (!text.value) keep("", "");
            else if (text.value !== chosen) hidden.value = "";
            clearTimeout(waiting);
            waiting = setTimeout(ask, PAUSE);
        });
        text.addEventListener("change", (event) => event.stopPropagation());
        text.addEventListener("click", () => { if (list.hidden) ask(); });
        text.addEventListener("blur", close);
        text.addEventListener("keydown", (event) => {
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                if (list.hidden) ask();
                else if (event.key === "ArrowDown") mark(active + 1);
                else mark(active < 0 ? -1 : active - 1);
            } else if (event.key === "Enter" && active >= 0) {
                event.preventDefault();
                const row = offers()[active];
                keep(row.dataset.id, row.dataset.id ? row.textContent : "");
            } else if (event.key === "Escape" && !list.hidden) {
                event.preventDefault(); // of the list only, not of the dialog around it
                event.stopPropagation();
                close();
            }
        });
        list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays
        list.addEventListener("click", (event) => {
            const row = event.target.closest("[role=option]");
            if (row) keep(row.dataset.id, row.dataset.id ? row.textContent : "");
        });
    };

    htmx.onLoad((loaded) => {
        const boxes = [...loaded.querySelectorAll(".box")];
        if (loaded.matches?.(".box")) boxes.push(loaded);
        for (const box of boxes) {
            if (!box.dataset.ready) {
                box.dataset.ready = "yes";
                start(box);
            }
        }
    });
})();
