"use strict";
// Adds to a page that reads as well without it: the filter, copying, and opening what a link leads to.
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // ------------------------------------------------------------------------------------------------ the filter

  const toolbar = one(".toolbar");
  const holders = all(".fold, .chunk, .group").map((element) => ({ element, found: 0 }));
  const known = new Map(holders.map((holder) => [holder.element, holder]));
  const chunks = new Map(all(".chunk").map((element) => [element, { rows: [], near: false }]));
  const loose = []; // the rows that are in no chunk

  function above(element) {
    const found = [];
    for (let one = element.parentElement; one && one.tagName !== "MAIN"; one = one.parentElement) {
      if (known.has(one)) found.push(known.get(one));
    }
    return found;
  }

  const rows = all("[data-v]").map((element) => {
    const values = new Set(element.dataset.v.split(" "));
    const row = { element, values, fold: element.closest(".fold"), above: above(element), hidden: false, meets: true, text: null };
    (chunks.get(element.closest(".chunk"))?.rows ?? loose).push(row);
    return row;
  });
  const words = (element) => element.textContent.toLowerCase();
  const shared = new Map(); // of each fold, what all its members have in common

  function textOf(row) {
    if (row.text === null) {
      row.text = `${row.element.id} ${words(row.element)}`.toLowerCase();
      if (row.fold) {
        if (!shared.has(row.fold)) {
          shared.set(row.fold, all(".head, .diff", row.fold).map(words).join(" "));
        }
        row.text += shared.get(row.fold);
      }
    }
    return row.text;
  }

  // The texts are gathered while nobody waits, so that the first search is as quick as any.
  function gather(deadline, start = 0) {
    let place = start;
    while (place < rows.length && deadline.timeRemaining() > 2) textOf(rows[place++]);
    if (place < rows.length) idle((next) => gather(next, place));
  }

  const idle = window.requestIdleCallback ?? ((work) => setTimeout(() => work({ timeRemaining: () => 50 })));

  function sync(some) {
    for (const row of some) {
      if (row.hidden === row.meets) row.element.hidden = row.hidden = !row.meets;
    }
  }

  // Of a long list only its start and what is near are brought up to date at once; the rest follows while nobody waits, or when
  // it comes near. The start does not wait for the browser to say that it is near: it says so only after it has laid out the page.
  const START = 200;
  let waiting = [];

  function followUp(deadline) {
    while (waiting.length && deadline.timeRemaining() > 2) sync(waiting.pop().rows);
    if (waiting.length) idle(followUp);
  }

  document.addEventListener("contentvisibilityautostatechange", (event) => {
    const chunk = chunks.get(event.target);
    if (!chunk) return;
    chunk.near = !event.skipped;
    if (chunk.near) sync(chunk.rows);
  }, true);

  function filter() {
    const sought = one("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = all("select", toolbar).map((select) => select.value).filter(Boolean);
    const filtered = sought.length + chosen.length > 0;
    document.documentElement.classList.toggle("filtered", filtered);
    for (const holder of holders) holder.found = 0;
    let found = 0;
    for (const row of rows) {
      row.meets =
        chosen.every((value) => row.values.has(value)) &&
        (sought.length === 0 || sought.every((word) => textOf(row).includes(word)));
      if (row.meets) {
        found += 1;
        for (const holder of row.above) holder.found += 1;
      }
    }
    show(filtered);
    tell(found, filtered);
  }

  function show(filtered) {
    const idling = waiting.length > 0;
    let ready = 0;
    waiting = [];
    sync(loose);
    for (const { element, found } of holders) {
      if (element.hidden !== (found === 0)) element.hidden = found === 0;
      if (element.matches("details") && filtered && found > 0 && found <= 20) element.open = true;
      const chunk = chunks.get(element);
      if (!chunk) continue;
      element.style.setProperty("--rows", filtered ? found : null);
      if (!found) continue;
      if (chunk.near || ready < START) {
        sync(chunk.rows);
        ready += found;
      } else waiting.push(chunk);
    }
    waiting.reverse();
    if (waiting.length && !idling) idle(followUp);
  }

  function tell(found, filtered) {
    const output = one("#found");
    const size = Number(output.dataset.size);
    const all = `${size.toLocaleString("en")} ${output.dataset.noun}${size === 1 ? "" : "s"}`;
    output.textContent = filtered ? `${found.toLocaleString("en")} of ${all} shown` : all;
    if (one("#none").hidden !== found > 0) one("#none").hidden = found > 0;
  }

  function clear() {
    one("#search").value = "";
    for (const select of all("select", toolbar)) select.value = "";
    filter();
  }

  // ---------------------------------------------------------------------------------------- opening and closing

  function setOpen(row, open) {
    if (row.classList.contains("problem")) return; // always open
    row.classList.toggle("open", open);
    row.firstElementChild.setAttribute("aria-expanded", open);
    if (open) offerCopies(row);
  }

  function openAll(open) {
    for (const row of rows) if ((row.meets || !open) && row.element.matches(".row")) setOpen(row.element, open);
    for (const fold of all(".fold")) if (!fold.hidden || !open) fold.open = open;
  }

  document.addEventListener("click", (event) => {
    const head = event.target.closest("a.head");
    if (!head || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const row = head.parentElement;
    event.preventDefault();
    history.replaceState(null, "", head.hash);
    setOpen(row, !row.classList.contains("open"));
  });

  function follow() {
    const name = decodeURIComponent(location.hash.slice(1));
    const target = name && document.getElementById(name);
    if (!target) return;
    if (toolbar && target.closest("[hidden]")) clear();
    for (let holder = target.closest("details"); holder; holder = holder.parentElement.closest("details")) holder.open = true;
    if (target.matches(".row")) {
      setOpen(target, true);
      target.firstElementChild.focus({ preventScroll: true });
    }
    target.scrollIntoView();
  }

  // ------------------------------------------------------------------------------------------------------ copying

  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea"); // where there is no clipboard: a page opened as a file
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  }

  function button(label, text) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = label;
    made.addEventListener("click", async () => {
      await copy(text());
      made.textContent = "Copied";
      setTimeout(() => { made.textContent = label; }, 1500);
    });
    return made;
  }

  function offerCopies(row) {
    const body = row.querySelector(":scope > .body");
    if (body.querySelector(".copy")) return;
    const offered = document.createElement("p");
    offered.className = "copy";
    const here = () => `${location.href.split("#")[0]}#${encodeURIComponent(row.id).replaceAll("%2F", "/")}`;
    offered.append(button("Copy address", () => row.id), button("Copy link", here));
    body.append(offered);
  }

  // -------------------------------------------------------------------------------------------------------- start

  for (const row of all(".row:not(.problem)")) row.firstElementChild.setAttribute("aria-expanded", "false");
  if (toolbar) {
    toolbar.hidden = false;
    one("#search").addEventListener("input", filter);
    one("#search").addEventListener("keydown", (event) => { if (event.key === "Escape") clear(); });
    for (const select of all("select", toolbar)) select.addEventListener("change", filter);
    one("#clear").addEventListener("click", () => { clear(); one("#search").focus(); });
    one("#expand")?.addEventListener("click", () => openAll(true));
    one("#collapse")?.addEventListener("click", () => openAll(false));
    filter(); // a browser keeps what was typed before a reload
    idle(gather);
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    sync(rows);
    closed = all("details:not([open])");
    for (const element of closed) element.open = true;
  });
  addEventListener("afterprint", () => {
    for (const element of closed) element.open = false;
  });
  addEventListener("hashchange", follow);
  addEventListener("load", () => requestAnimationFrame(follow)); // after the browser itself went there, which takes the focus
})();
