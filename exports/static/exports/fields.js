/* The field of a mapping: a box that finds fields as one types, each with what the shown order has in it. */
"use strict";

(() => {
    const MOST = 60; // shown at once; typing finds the others

    /* How well a field fits what was typed: the smaller, the better; -1 not at all. */
    const rank = (field, words) => {
        const name = field.name.toLowerCase();
        const all = `${name} ${field.label} ${field.group}`.toLowerCase();
        if (!words.every((word) => all.includes(word))) return -1;
        if (!words.length || name === words[0]) return 0;
        if (name.startsWith(words[0])) return 1;
        return name.includes(words[0]) ? 2 : 3;
    };

    const option = (field, id) => {
        const item = document.createElement("li");
        item.id = id;
        item.role = "option";
        item.dataset.name = field.name;
        item.setAttribute("aria-selected", "false");
        const name = document.createElement("code");
        name.textContent = field.name;
        const label = document.createElement("span");
        label.className = "label";
        label.textContent = field.label;
        item.append(name, label);
        if (field.sensitive) {
            const badge = document.createElement("span");
            badge.className = "badge failed";
            badge.textContent = "sensitive";
            item.append(badge);
        }
        const value = document.createElement("bdi");
        value.className = "value";
        value.textContent = field.value;
        item.append(value);
        return item;
    };

    const heading = (name) => {
        const group = document.createElement("ul");
        group.setAttribute("role", "group");
        group.setAttribute("aria-label", name);
        const title = document.createElement("li");
        title.className = "group";
        title.role = "presentation";
        title.textContent = name;
        group.append(title);
        return group;
    };

    /* `load` gives a promise of {static, fields}; `chosen` is called with the name of a field. */
    window.postrider.fieldBox = (input, list, load, chosen) => {
        let fields = [];
        let active = -1;

        const options = () => [...list.querySelectorAll("[role=option]")];
        const mark = (index) => {
            const all = options();
            active = all.length ? (index + all.length) % all.length : -1;
            all.forEach((one, place) => one.setAttribute("aria-selected", String(place === active)));
            if (active < 0) input.removeAttribute("aria-activedescendant");
            else {
                input.setAttribute("aria-activedescendant", all[active].id);
                all[active].scrollIntoView({ block: "nearest" });
            }
        };
        const close = () => {
            list.hidden = true;
            input.setAttribute("aria-expanded", "false");
            input.removeAttribute("aria-activedescendant");
        };
        const show = () => {
            const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
            const found = fields
                .map((field, place) => [rank(field, words), place, field])
                .filter(([fits]) => fits >= 0)
                .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
            list.replaceChildren();
            const groups = new Map(); // each heading once, the one with what fits best first
            found.slice(0, words.length ? MOST : found.length).forEach(([, , field], place) => {
                if (!groups.has(field.group)) groups.set(field.group, heading(field.group));
                groups.get(field.group).append(option(field, `${list.id}-${place}`));
            });
            list.append(...groups.values());
            list.hidden = !found.length;
            input.setAttribute("aria-expanded", String(Boolean(found.length)));
            mark(words.length ? 0 : -1);
        };
        const take = (name) => {
            input.value = name;
            close();
            chosen(name);
        };

        input.addEventListener("input", () => { show(); chosen(input.value.trim()); });
        input.addEventListener("click", () => { if (list.hidden) show(); });
        input.addEventListener("blur", close);
        input.addEventListener("keydown", (event) => {
            if (event.key === "ArrowDown" || event.key === "ArrowUp") {
                event.preventDefault();
                if (list.hidden) show();
                else mark(active + (event.key === "ArrowDown" ? 1 : -1));
            } else if (event.key === "Enter" && !list.hidden && active >= 0) {
                event.preventDefault();
                take(options()[active].dataset.name);
            } else if (event.key === "Escape" && !list.hidden) {
                event.preventDefault();
                event.stopPropagation();
                close();
            }
        });
        list.addEventListener("mousedown", (event) => event.preventDefault()); // the input keeps the focus
        list.addEventListener("click", (event) => {
            const item = event.target.closest("[role=option]");
            if (item) take(item.dataset.name);
        });
        return {
            close,
            renew: () => load().then((said) => {
                const text = { name: said.static, group: "Text", label: "a fixed text of your own", value: "" };
                const isFirst = !fields.length;
                fields = [text, ...said.fields];
                if (isFirst && document.activeElement === input && input.value) show(); // typed before they came
            }),
        };
    };
})();
