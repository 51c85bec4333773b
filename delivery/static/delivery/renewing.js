/* Parts of a page that renew themselves: not while nobody looks or a text is being marked, with what was open
   still open, and never with the login page inside. */
"use strict";
(() => {
    const isPart = (event) => event.detail.elt?.matches?.("[hx-trigger^='every']");
    let open = [];

    document.body.addEventListener("htmx:beforeRequest", (event) => {
        if (!isPart(event)) return;
        const marked = getSelection();
        if (document.hidden || (marked && !marked.isCollapsed)) event.preventDefault();
    });
    document.body.addEventListener("htmx:beforeSwap", (event) => {
        if (!isPart(event)) return;
        if (new URL(event.detail.xhr.responseURL).pathname.endsWith("/login/")) {
            event.detail.shouldSwap = false;
            location.reload();
            return;
        }
        open = [...event.detail.target.querySelectorAll("details[id][open]")].map((one) => one.id);
    });
    document.body.addEventListener("htmx:afterSwap", () => {
        for (const id of open) document.getElementById(id)?.setAttribute("open", "");
        open = [];
    });
})();
