// One mote: charts of its values, its actuators, its security, how it is, and its wire.
import { get, mote as path, Refused } from "./api.js";
import { badge, standing, standingWords } from "./badge.js";
import { Chart } from "./chart.js";
import { Controls } from "./controls.js";
import { el, put, text } from "./dom.js";
import { Feed } from "./feed.js";
import { Health, Security } from "./security.js";
import { ago, ordered } from "./units.js";
import { Wire } from "./wire.js";

const AGAIN_MS = 60000;
const MOST_CHARTS = 24;
const KEPT = "ironmote-range";

export function motePage(state, session, id) {
  let rangeS = 3600;
  let range = session.ranges.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : session.ranges[0];
  const charts = new Map();
  const dot = el("i", { class: "dot" });
  const badgePlace = el("span");
  const under = el("p", { class: "under" });
  const place = el("div", { class: "charts" });
  const controls = new Controls(session.may.switch);
  const security = new Security(session);
  const health = new Health();
  const wire = new Wire(id);
  const feed = new Feed(state, session, { most: 12, mote: id });
  const ranges = session.ranges.map((each) => el("button", { "aria-pressed": String(each === range), onclick: (event) => {
    range = each;
    localStorage.setItem(KEPT, each);
    for (const other of event.target.parentNode.children) other.setAttribute("aria-pressed", String(other === event.target));
    loadAll();
  } }, each));
  const node = el("div", {},
    el("a", { class: "back", href: "#/" }, "← all motes"),
    el("div", { class: "title" }, dot, el("h1", {}, id), badgePlace, el("span", { class: "push" }), el("div", { class: "segments", role: "group", "aria-label": "Time of the charts" }, ranges)),
    under,
    el("div", { class: "mote" },
      el("div", {}, place, wire.node),
      el("aside", {}, controls.node, security.node, health.node,
        el("section", { "aria-label": "What happened" }, el("div", { class: "head" }, el("h2", {}, "What happened")), el("div", { class: "card" }, feed.list)))));

  const stepped = (mote, name) => typeof mote.latest[name].value === "boolean" || (mote.actuators ?? []).some((each) => each.name === name);

  async function load(name) {
    const chart = charts.get(name);
    try {
      const asked = range;
      const found = await get(`${path(id, "history")}?name=${encodeURIComponent(name)}&range=${asked}`);
      const mote = state.motes.get(id);
      if (asked !== range || !mote || !charts.has(name)) return;
      rangeS = found.range_s;
      const steps = stepped(mote, name);
      // What is switched has its state from the beginning on, however long ago that was.
      if (steps && found.before !== null) found.points.unshift([found.now - found.range_s, found.before, found.before, found.before]);
      chart.show(found.points, mote.latest[name]?.unit, found.range_s, found.now, steps);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      text(under, error.message);
    }
  }

  const loadAll = () => [...charts.keys()].forEach(load);

  function draw() {
    const mote = state.motes.get(id);
    if (!mote) {
      text(under, state.connected ? "there is no mote of this name" : "");
      return;
    }
    dot.className = `dot ${standing(mote)}`;
    put(badgePlace, badge(mote));
    clock();
    for (const [name, latest] of ordered(mote)) {
      if (!charts.has(name)) {
        if (charts.size >= MOST_CHARTS || typeof latest.value === "string") continue;
        charts.set(name, new Chart(name, charts.size));
        place.append(charts.get(name).node);
        load(name);
      }
      charts.get(name).value(latest.value, latest.unit);
    }
    controls.draw(mote);
    security.draw(mote, state);
    health.draw(mote);
  }

  function clock() {
    const mote = state.motes.get(id);
    if (mote) text(under, [mote.board, standingWords(mote), mote.seen ? `heard ${ago(state.now() - mote.seen)}` : "not heard yet", mote.state?.version ? `ironmote ${mote.state.version}` : ""].filter(Boolean).join(" · "));
  }

  function lines(event) {
    for (const line of event.detail) {
      if (line.event === "reading" && line.mote === id && typeof line.value !== "string" && rangeS <= 3600) charts.get(line.name)?.add(line.time, Number(line.value), state.now());
    }
  }

  state.addEventListener("lines", lines);
  draw();
  const slow = setInterval(loadAll, AGAIN_MS);
  const fast = setInterval(clock, 1000);
  return {
    node,
    title: id,
    change: (dirty) => {
      if (dirty.has(id) || dirty.has("all")) draw();
      if (dirty.has("feed") || dirty.has("all")) feed.draw();
    },
    close: () => {
      state.removeEventListener("lines", lines);
      clearInterval(slow);
      clearInterval(fast);
      wire.close();
      charts.forEach((chart) => chart.close());
    },
  };
}
