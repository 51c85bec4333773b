/* The frame of every page: the menu on a phone, the one dialog that htmx fills, and what is told of requests. */
"use strict";

(() => {
    // On a phone the menu and a list's filters are folded; without this script they stay open.
    const fold = (folded, toggle) => {
        folded.classList.add("folds");
        toggle.addEventListener("click", () => {
            toggle.setAttribute("aria-expanded", String(folded.classList.toggle("open")));
        });
    };
    const menu = document.getElementById("menu");
    if (menu) fold(menu, document.getElementById("menu-toggle"));
    const filters = document.getElementById("changelist-filter");
    if (filters) {
        const toggle = document.createElement("button");
        toggle.type = "button";
        toggle.className = "filter-toggle";
        toggle.textContent = filters.querySelector("li.selected:not(:first-child)") ? "Filter (some are set)" : "Filter";
        toggle.setAttribute("aria-expanded", "false");
        toggle.setAttribute("aria-controls", filters.id);
        filters.before(toggle);
        fold(filters, toggle);
    }

    // The cells of Django's tables of rows are called what their column is called.
    for (const table of document.querySelectorAll(".inline-group .tabular table")) {
        const names = [...table.querySelectorAll("thead th")].map((th) => th.textContent.trim());
        for (const input of table.querySelectorAll("td input, td select, td textarea")) {
            const name = names[input.closest("td").cellIndex];
            if (name && !input.labels?.length) input.setAttribute("aria-label", name);
        }
    }

    // Select2 draws boxes that say their value and not what they are for.
    const nameBox = (select) => {
        const box = select.nextElementSibling;
        const name = select.labels?.[0]?.textContent.replace(/:\s*$/, "").trim() || select.getAttribute("aria-label");
        if (!name || !box?.matches(".select2-container")) return;
        for (const part of box.querySelectorAll(".select2-selection__rendered, .select2-search__field")) {
            part.setAttribute("aria-label", name);
        }
        const field = box.querySelector(".select2-selection");
        const shown = box.querySelector(".select2-selection__rendered");
        if (field.hasAttribute("aria-labelledby")) field.removeAttribute("aria-labelledby");
        const value = shown?.querySelector("[title]")?.title || shown?.title || "";
        field.setAttribute("aria-label", value ? `${name}: ${value}` : name);
    };
    const nameBoxes = (within) => {
        for (const select of within.querySelectorAll("select.admin-autocomplete")) nameBox(select);
    };
    window.django?.jQuery?.(() => {  // after Django's own, which draws them
        nameBoxes(document);
        window.django.jQuery(document).on("change", "select.admin-autocomplete", (event) => nameBox(event.target));
        document.addEventListener("formset:added", (event) => nameBoxes(event.target));
    });
    document.addEventListener("focusin", (event) => {
        if (event.target.matches(".select2-search__field:not([aria-label])")) event.target.setAttribute("aria-label", "Search");
    });

    const dialog = document.getElementById("dialog");
    const told = document.getElementById("told");
    let opener = null;
    let clearing = 0;

    const tell = (text) => {
        clearTimeout(clearing);
        told.textContent = text;
        clearing = setTimeout(() => { told.textContent = ""; }, 8000);
    };

    if (dialog) {
        document.body.addEventListener("htmx:beforeRequest", (event) => {
            if (event.detail.target === dialog && !dialog.open) opener = document.activeElement;
        });
        document.body.addEventListener("htmx:afterSwap", (event) => {
            if (event.detail.target !== dialog) return;
            if (!dialog.open) dialog.showModal();
            const wrong = dialog.querySelector("[aria-invalid='true']");
            const first = wrong || dialog.querySelector("[autofocus], input:not([type=hidden]), select, textarea");
            if (first) first.focus();
        });
        // The answer to what a dialog has saved says so; lists that show it listen for it too.
        document.body.addEventListener("saved", (event) => {
            if (dialog.open) dialog.close();
            if (event.detail && event.detail.value) tell(event.detail.value);
        });
        dialog.addEventListener("click", (event) => {
            if (event.target.closest("[data-close]") || event.target === dialog) dialog.close();
        });
        dialog.addEventListener("close", () => {
            dialog.replaceChildren();
            if (opener && opener.isConnected) opener.focus();
            opener = null;
        });
    }
    document.body.addEventListener("htmx:responseError", (event) => {
        const status = event.detail.xhr.status;
        if (status === 403) tell("You may not do that, or you have been logged out. Load the page again.");
        else if (status === 404) tell("That is not there any more. Load the page again.");
        else tell(`That did not work (${status}). Nothing was changed; try again.`);
    });
    document.body.addEventListener("htmx:sendError", () => tell("Postrider does not answer. Nothing was changed; try again."));
    window.postrider = { tell };
})();
