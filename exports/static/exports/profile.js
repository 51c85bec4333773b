/* The profile page: mappings as lines that open in a dialog and are sorted, and what is not saved yet.
   All of it lives in the inputs of one form, so that Update stores what is seen and nothing else. */
"use strict";

(() => {
    const form = document.getElementById("exportprofile_form");
    if (!form) return;
    const list = document.getElementById("mappings");
    const dialog = document.getElementById("mapping");
    const asked = dialog.querySelector("form");
    const said = document.getElementById("mappings-said");
    const total = form.elements["mappings-TOTAL_FORMS"];
    const STATIC = dialog.dataset.static;

    document.querySelector(".profile").classList.add("scripted");

    // --- one row -------------------------------------------------------------------------------------

    const input = (row, name) => form.elements[`${row.dataset.row}-${name}`];
    const rows = () => [...list.children].filter((row) => !row.classList.contains("blank"));
    const isRemoved = (row) => Boolean(input(row, "DELETE")?.checked);
    const nameOf = (row) => input(row, "export_name").value.trim();

    const draw = (row) => {
        const name = nameOf(row);
        const field = input(row, "field").value.trim();
        const header = /^\s*header:(.*)$/i.exec(name);
        const open = row.querySelector(".open");
        const parts = [];
        const add = (tag, className, text) => {
            const part = document.createElement(tag);
            part.className = className;
            part.textContent = text;
            parts.push(part, " ");
        };
        if (header) add("span", "badge", /^http(method|methodtype)$/i.test(header[1].trim()) ? "how to send" : "header");
        add("code", "name", header ? header[1].trim() : name);
        add("span", "arrow", "←");
        add("code", "token", field === STATIC ? STATIC : `[${field}]`);
        if (input(row, "is_secret").checked) add("span", "badge test", "secret");
        open.replaceChildren(...parts);
        open.setAttribute("aria-label", `Edit ${name}, ${field}`);
        row.classList.toggle("of-header", Boolean(header));
        row.classList.toggle("removed", isRemoved(row));
        row.querySelector("[data-up]").setAttribute("aria-label", `Move ${name} up`);
        row.querySelector("[data-down]").setAttribute("aria-label", `Move ${name} down`);
        row.querySelector("[data-remove]").setAttribute("aria-label", `Remove ${name}`);
        row.querySelector("[data-undo]").setAttribute("aria-label", `Keep ${name} after all`);
        input(row, "static_value").type = input(row, "is_secret").checked ? "password" : "text";
    };

    const number = () => {
        const all = rows();
        all.forEach((row, place) => {
            input(row, "position").value = place + 1;
            row.querySelector("[data-up]").disabled = place === 0;
            row.querySelector("[data-down]").disabled = place === all.length - 1;
        });
        document.getElementById("no-mapping").hidden = all.length > 0;
    };

    const changed = (what) => {
        number();
        if (what) said.textContent = what;
        look();
        htmx.trigger(document.body, "draft");
    };

    const makeRow = () => {
        const place = total.value;
        const html = document.getElementById("empty-mapping").innerHTML.replaceAll("__prefix__", place);
        list.insertAdjacentHTML("beforeend", html);
        total.value = Number(place) + 1;
        return list.lastElementChild;
    };

    // --- what is not saved yet -----------------------------------------------------------------------

    const state = () => {
        const values = [];
        for (const [name, value] of new FormData(form)) {
            if (name === "csrfmiddlewaretoken" || name === "mappings-TOTAL_FORMS") continue;
            values.push(`${name}=${value instanceof File ? value.name : value}`);
        }
        return values.join("\n");
    };
    let saved = "";
    let isLeaving = false;
    const isUnsaved = () => "unsaved" in form.dataset || state() !== saved;

    const look = () => {
        const is = isUnsaved();
        document.getElementById("unsaved").classList.toggle("is-unsaved", is);
        document.getElementById("discard").hidden = !is;
        document.querySelectorAll("[data-unsaved-text]").forEach((one) => { one.hidden = !is; });
        const test = document.querySelector("#send-test button");
        if (test) test.disabled = is;
    };
    form.addEventListener("input", look);
    form.addEventListener("change", look);
    form.addEventListener("submit", () => { isLeaving = true; });
    document.getElementById("discard").addEventListener("click", () => { isLeaving = true; });
    window.addEventListener("beforeunload", (event) => {
        if (!isLeaving && isUnsaved()) event.preventDefault();
    });

    // --- the dialog ----------------------------------------------------------------------------------

    let edited = null; // the row; null: a new one
    const fieldBox = window.postrider.fieldBox(
        asked.elements.field,
        document.getElementById("m-fields"),
        () => {
            const shown = new URLSearchParams();
            const order = document.querySelector("#draft input[name=order]");
            const kind = document.getElementById("as");
            if (order) shown.set("order", order.value);
            if (kind) shown.set("as", kind.value);
            return fetch(`${dialog.dataset.fields}?${shown}`).then((answer) => answer.json());
        },
        () => staticOnly(),
    );

    const staticOnly = () => {
        const isStatic = asked.elements.field.value.trim().toLowerCase() === STATIC.toLowerCase();
        asked.elements.static_value.disabled = !isStatic;
        asked.elements.is_secret.disabled = !isStatic;
        if (!isStatic) { asked.elements.static_value.value = ""; asked.elements.is_secret.checked = false; }
        asked.elements.static_value.type = asked.elements.is_secret.checked ? "password" : "text";
    };

    const showErrors = (errors) => {
        let first = null;
        for (const name of ["export_name", "field", "static_value"]) {
            const texts = errors[name] || [];
            const box = asked.elements[name];
            document.getElementById(`m-${name}-error`).textContent = texts.join(" ");
            if (texts.length) { box.setAttribute("aria-invalid", "true"); first = first || box; } else box.removeAttribute("aria-invalid");
        }
        const others = Object.keys(errors).filter((name) => !document.getElementById(`m-${name}-error`));
        document.getElementById("m-other-error").textContent = others.map((name) => errors[name].join(" ")).join(" ");
        if (first && !first.disabled) first.focus();
    };

    const open = (row) => {
        edited = row;
        asked.reset();
        showErrors({});
        document.getElementById("mapping-title").textContent = row ? "Edit the field mapping" : "Add a field mapping";
        document.getElementById("m-done").textContent = row ? "Done" : "Add";
        asked.elements.id.value = row ? input(row, "id")?.value || "" : "";
        asked.elements.static_value.placeholder = "";
        if (row) {
            for (const name of ["export_name", "field", "static_value"]) asked.elements[name].value = input(row, name).value;
            asked.elements.is_secret.checked = input(row, "is_secret").checked;
            asked.elements.static_value.placeholder = input(row, "static_value").placeholder;
        }
        staticOnly();
        dialog.showModal();
        fieldBox.renew();
        asked.elements.export_name.focus();
    };

    const write = (names) => {
        const row = edited || makeRow();
        input(row, "export_name").value = names.export_name;
        input(row, "field").value = names.field;
        input(row, "static_value").value = asked.elements.static_value.value;
        input(row, "is_secret").checked = asked.elements.is_secret.checked;
        draw(row);
        dialog.close();
        row.querySelector(".open").focus();
        changed(`${names.export_name}: ${edited ? "changed" : "added"}, not saved yet.`);
    };

    asked.addEventListener("submit", (event) => {
        event.preventDefault();
        fetch(dialog.dataset.check, { method: "POST", body: new FormData(asked) })
            .then((answer) => { if (!answer.ok) throw new Error(answer.status); return answer.json(); })
            .then((answer) => { if (answer.errors) showErrors(answer.errors); else write(answer); })
            .catch(() => window.postrider.tell("Postrider does not answer. Nothing was changed; try again."));
    });
    asked.elements.is_secret.addEventListener("change", staticOnly);
    dialog.addEventListener("click", (event) => {
        if (event.target === dialog || event.target.closest("[data-close-mapping]")) dialog.close();
    });
    dialog.addEventListener("close", () => { fieldBox.close(); if (!edited) document.getElementById("add-mapping").focus(); });

    const plus = document.getElementById("add-mapping");
    plus.hidden = false;
    plus.addEventListener("click", () => open(null));

    // --- the list ------------------------------------------------------------------------------------

    const move = (row, before) => {
        list.insertBefore(row, before);
        changed(`${nameOf(row)}: now number ${rows().indexOf(row) + 1} of ${rows().length}.`);
    };

    list.addEventListener("click", (event) => {
        const button = event.target.closest("button");
        const row = event.target.closest(".mapping");
        if (!row) return;
        if (!button) { if (!isRemoved(row) && event.target.closest(".said")) open(row); return; }
        if ("edit" in button.dataset) { if (!isRemoved(row)) open(row); }
        if ("up" in button.dataset) move(row, row.previousElementSibling);
        if ("down" in button.dataset) move(row, row.nextElementSibling?.nextElementSibling || null);
        if ("remove" in button.dataset || "undo" in button.dataset) {
            input(row, "DELETE").checked = "remove" in button.dataset;
            draw(row);
            row.querySelector(isRemoved(row) ? "[data-undo]" : "[data-remove]").focus();
            changed(`${nameOf(row)}: ${isRemoved(row) ? "removed, with Undo to keep it" : "kept"}.`);
        } else if (button.disabled) row.querySelector(".open").focus();
        else if (("up" in button.dataset || "down" in button.dataset)) button.focus();
    });

    for (const row of [...list.children]) {
        if (!nameOf(row) && !input(row, "field").value && !("wrong" in row.dataset)) row.remove(); // the blank one
        else draw(row);
    }
    new Sortable(list, {
        handle: ".handle",
        animation: 120,
        onEnd: (event) => { if (event.oldIndex !== event.newIndex) changed(`${nameOf(event.item)}: now number ${event.newIndex + 1} of ${rows().length}.`); },
    });

    // --- settings ------------------------------------------------------------------------------------

    const rule = form.elements.success_rule;
    const onlyNeeded = () => {
        for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(rule.value);
    };
    rule.addEventListener("change", onlyNeeded);
    onlyNeeded();

    const choose = document.getElementById("choose");
    if (choose) {
        choose.addEventListener("submit", (event) => { event.preventDefault(); htmx.trigger(document.body, "draft"); });
        choose.elements.order.addEventListener("change", () => { choose.elements.number.value = ""; });
    }

    number();
    saved = state();
    look();
    if ("unsaved" in form.dataset) htmx.trigger(document.body, "draft");
})();
