// Draws the charts when they come into view, and shows the viewer's local time beside UTC. Pages are whole without it.
"use strict";

(() => {
  const darkPage = window.matchMedia("(prefers-color-scheme: dark)");

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
      const item = recoloured(data.item, darkPage.matches ? data.dark : {});
      target.replaceChildren();
      return await window.Bokeh.embed.embed_item(item);
    } catch (error) {
      say(target, "The chart could not be drawn; the table below holds the same numbers.");
      throw error; // so that the browser's console says why
    }
  }

  function showCharts() {
    const waiting = new Map();
    const drawn = new Map();
    const show = async (target) => drawn.set(target, await draw(target, waiting.get(target)));
    const observer = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        show(target);
      }
    }, { rootMargin: "200px" });
    for (const block of document.querySelectorAll("script.chart-data")) {
      const target = document.getElementById(block.dataset.target);
      waiting.set(target, JSON.parse(block.textContent));
      observer.observe(target);
    }
    darkPage.addEventListener("change", () => {
      for (const [target, views] of [...drawn]) {
        views.clear();
        show(target);
      }
    });
  }

  function showLocalTimes() {
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const withDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", ...clock });
    const withoutDay = new Intl.DateTimeFormat(undefined, clock);
    for (const element of document.querySelectorAll("time")) {
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

  showLocalTimes();
  showCharts();
})();
