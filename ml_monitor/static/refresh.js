// Renews the content of a page in place: scroll, focus and what was opened stay, and a chart whose data are the same is
// not drawn again. While the page is hidden, paused or of a fixed range it waits. If it fails, the old data stay, marked.
"use strict";

(() => {
  const main = document.getElementById("main");
  const seconds = Number(main.dataset.refresh ?? 0);
  const isFixed = main.dataset.fixed !== undefined;
  const news = document.getElementById("news");
  const parser = new DOMParser();
  let isPaused = false;
  let timer = null;
  let isLoading = false;

  const tools = () => document.querySelector("[data-refresh-tools]");
  const isRenewed = () => seconds > 0 && !isFixed;

  function showTools() {
    const found = tools();
    if (found === null) return;
    found.hidden = false;
    const pause = found.querySelector("[data-refresh-pause]");
    pause.hidden = !isRenewed();
    pause.setAttribute("aria-pressed", String(isPaused));
    pause.textContent = isPaused ? "Paused: go on" : "Pause";
  }

  function plan() {
    clearTimeout(timer);
    timer = null;
    if (isRenewed() && !isPaused && !document.hidden) timer = setTimeout(load, seconds * 1000);
  }

  function showStale(reason) {
    main.dataset.stale = "";
    let note = document.getElementById("stale-note");
    if (note === null) {
      note = document.createElement("div");
      note.id = "stale-note";
      note.className = "note stale-note";
      note.setAttribute("role", "status");
      const text = document.createElement("span");
      const retry = document.createElement("button");
      retry.type = "button";
      retry.dataset.refreshNow = "";
      retry.textContent = "Try again";
      note.append(text, retry);
      main.prepend(note);
    }
    note.querySelector("span").textContent = `These data are old: ${reason}.`;
  }

  // Returns which elements a reader has opened or closed, by what their summaries say and their number among those.
  function openedDetails(root) {
    const counts = new Map();
    return [...root.querySelectorAll("details")].map((element) => {
      const name = element.id || element.querySelector("summary")?.textContent.trim();
      const number = (counts.get(name) ?? 0) + 1;
      counts.set(name, number);
      return { key: `${name}#${number}`, element };
    });
  }

  // Returns a way to find the focused element again in other content: its id, its address, or its place in a form.
  function focusedPlace() {
    const focused = document.activeElement;
    if (focused === null || !main.contains(focused)) return null;
    if (focused === main) return () => main;
    if (focused.id) return () => document.getElementById(focused.id);
    const selector = focused.tagName.toLowerCase();
    const address = focused.getAttribute("href") ?? focused.getAttribute("name") ?? focused.textContent.trim();
    const same = (element) =>
      (element.getAttribute("href") ?? element.getAttribute("name") ?? element.textContent.trim()) === address;
    const number = [...main.querySelectorAll(selector)].filter(same).indexOf(focused);
    return () => [...main.querySelectorAll(selector)].filter(same)[number] ?? null;
  }

  function isBeingFilledIn() {
    const focused = document.activeElement;
    if (focused !== null && main.contains(focused) && focused.matches("input, textarea, select")) return true;
    const typed = [...main.querySelectorAll("input:not([type=hidden]), textarea")];
    return typed.some((field) => field.value !== field.defaultValue);
  }

  // Returns a chart's document without the ids that Bokeh makes anew each time.
  function withoutIds(block) {
    return block.textContent.replace(/"p\d+"/g, "").replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "");
  }

  // Returns the places of charts whose data are the same. A new chart gets the room of the old one, lest the page jumps.
  function chartsToKeep(fresh) {
    const blocks = new Map([...main.querySelectorAll("script.chart-data")].map((block) => [block.dataset.target, block]));
    const kept = [];
    for (const block of fresh.querySelectorAll("script.chart-data")) {
      const place = document.getElementById(block.dataset.target);
      const before = blocks.get(block.dataset.target);
      if (before !== undefined && withoutIds(before) === withoutIds(block)) kept.push(place);
      else if (place !== null) fresh.querySelector(`#${block.dataset.target}`).style.minHeight = `${place.offsetHeight}px`;
    }
    return kept;
  }

  function announce(fresh) {
    const known = new Set((main.dataset.alerts ?? "").split(" "));
    const added = (fresh.dataset.alerts ?? "").split(" ").filter((id) => id !== "" && !known.has(id));
    if (added.length > 0) news.textContent = added.length === 1 ? "1 new alert fires." : `${added.length} new alerts fire.`;
  }

  function replace(fresh) {
    const opened = new Map(openedDetails(main).map(({ key, element }) => [key, element.open]));
    const place = focusedPlace();
    const { scrollX, scrollY } = window;
    const scrolled = [...main.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    announce(fresh);
    for (const { key, element } of openedDetails(fresh)) if (opened.has(key)) element.open = opened.get(key);
    const kept = chartsToKeep(fresh);
    main.dataset.alerts = fresh.dataset.alerts ?? "";
    delete main.dataset.stale;
    main.replaceChildren(...fresh.childNodes);
    for (const place of kept) document.getElementById(place.id).replaceWith(place);
    [...main.querySelectorAll(".scroll")].forEach((box, number) => box.scrollTo(...(scrolled[number] ?? [0, 0])));
    place?.()?.focus({ preventScroll: true });
    window.scrollTo(scrollX, scrollY);
    showTools();
    document.dispatchEvent(new Event("contentchange"));
  }

  async function load() {
    if (isLoading) return;
    if (isBeingFilledIn()) {
      plan();
      return;
    }
    isLoading = true;
    main.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (response.redirected && new URL(response.url).pathname === "/ui/login") throw new Error("the session has ended; load the page again to log in");
      const page = parser.parseFromString(await response.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!response.ok || fresh === null) throw new Error(page.querySelector(".verdict")?.textContent.trim().replace(/\.$/, "") ?? `the answer was ${response.status}`);
      document.title = page.title;
      const [bar, freshBar] = [document.querySelector("header.bar"), page.querySelector("header.bar")];
      if (!bar.contains(document.activeElement) && bar.innerHTML !== freshBar.innerHTML) bar.replaceWith(freshBar);
      replace(fresh);
    } catch (error) {
      showStale(error instanceof TypeError ? "the monitor does not answer" : error.message);
    } finally {
      main.removeAttribute("aria-busy");
      isLoading = false;
      plan();
    }
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-refresh-now]")) load();
    if (event.target.closest("[data-refresh-pause]")) {
      isPaused = !isPaused;
      showTools();
      plan();
    }
  });
  document.addEventListener("visibilitychange", () => {
    // Back after a while: what is on the page may be older than was asked for.
    if (!document.hidden && isRenewed() && !isPaused && timer === null) load();
    else plan();
  });
  showTools();
  plan();
})();
