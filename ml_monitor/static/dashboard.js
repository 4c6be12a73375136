// Draws the charts when they come into view, and shows the viewer's local time beside UTC. Pages are whole without it.
"use strict";

(() => {
  const darkPreference = window.matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();
  let waiting = new Map();

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen === undefined ? darkPreference.matches : chosen === "dark";
  }

  // Returns a copy of a chart's document in which each colour of the light page has become that of the dark one.
  function recoloured(node, colours) {
    if (typeof node === "string") return colours[node] ?? node;
    if (Array.isArray(node)) return node.map((item) => recoloured(item, colours));
    if (node === null || typeof node !== "object") return node;
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, recoloured(value, colours)]));
  }

  function say(target, text) {
    const line = document.createElement("p");
    line.className = "chart-wait";
    line.textContent = text;
    target.replaceChildren(line);
  }

  async function draw(target, data) {
    try {
      // Always a copy: Bokeh takes what it is given apart, and a change of colours draws anew.
      const item = recoloured(data.item, isDark() ? data.dark : {});
      target.replaceChildren();
      return await window.Bokeh.embed.embed_item(item);
    } catch (error) {
      say(target, "The chart could not be drawn; the table below holds the same numbers.");
      throw error; // so that the browser's console says why
    }
  }

  async function show(target) {
    const views = draw(target, waiting.get(target));
    drawn.set(target, views);
    await views;
  }

  async function drop(target) {
    const views = drawn.get(target);
    drawn.delete(target);
    (await views)?.clear();
  }

  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      show(target);
    }
  }, { rootMargin: "200px" });

  // What was drawn on content that is gone is dropped; what is new waits until it comes into view.
  function watchCharts() {
    const before = waiting;
    waiting = new Map();
    for (const block of document.querySelectorAll("script.chart-data")) {
      const target = document.getElementById(block.dataset.target);
      waiting.set(target, before.get(target) ?? JSON.parse(block.textContent));
      if (!before.has(target)) observer.observe(target);
    }
    for (const target of before.keys()) {
      if (waiting.has(target)) continue;
      observer.unobserve(target);
      drop(target);
    }
  }

  async function drawAnew() {
    for (const target of [...drawn.keys()]) {
      await drop(target);
      show(target);
    }
  }

  function showLocalTimes() {
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const withDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", ...clock });
    const withoutDay = new Intl.DateTimeFormat(undefined, clock);
    for (const element of document.querySelectorAll("time:not([title])")) {
      const time = new Date(element.dateTime);
      if (time.getTimezoneOffset() === 0) continue; // the viewer's clock shows UTC
      const sameDay = time.getDate() === time.getUTCDate();
      const local = `${(sameDay ? withoutDay : withDay).format(time)} here`;
      element.title = local;
      if (element.dataset.local === undefined) continue;
      const beside = document.createElement("span");
      beside.className = "local";
      beside.textContent = ` (${local})`;
      element.after(beside);
    }
  }

  darkPreference.addEventListener("change", drawAnew);
  document.addEventListener("themechange", drawAnew);
  document.addEventListener("contentchange", () => {
    showLocalTimes();
    watchCharts();
  });
  showLocalTimes();
  watchCharts();
})();
