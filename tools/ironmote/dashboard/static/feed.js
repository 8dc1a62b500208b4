// What happened, newest first: alerts and what else is news, a line each.
import { post, Refused } from "./api.js";
import { arrange, el, say } from "./dom.js";
import { clock, words } from "./units.js";

const MARKS = { critical: "!", warning: "▲", info: "i", done: "✓" };

// What an answer says: on or off, or a number in what people say (docs/PROTOCOL.md, "Actuators").
function answered(line, mote) {
  const actuator = (mote?.actuators ?? []).find((each) => each.name === line.command);
  if (line.value === null || line.value === undefined) return "done";
  const unit = { dimmer: " %", servo: "°" }[actuator?.kind] ?? (actuator?.kind === "buzzer" && !actuator.freq_hz ? " Hz" : null);
  return unit === null ? (Number(line.value) ? "is on" : "is off") : `is at ${line.value}${unit}`;
}

// How a line of the owner's is told: [kind, what it is about, what it says].
function told(line, mote) {
  switch (line.event) {
    case "alert": return [line.severity, line.kind ?? "alert", line.text];
    case "refused": return [line.alert ? "critical" : "warning", "refused", line.times > 1 ? `${line.why} (${line.times} times)` : line.why];
    case "command": {
      if (line.result === "done") return ["done", line.command, `${answered(line, mote)}, answered in ${Math.round(line.ms)} ms`];
      return ["warning", line.command, line.why ? `${line.result}: ${line.why}` : line.result];
    }
    case "switch": return ["info", line.name, `${words(line.value, line.unit)}, by its ${line.rule}${typeof line.felt === "number" ? `: ${line.sensor} ${line.felt.toFixed(1)}` : ""}`];
    case "confirmed": return ["done", "confirmed", `answered a challenge in boot ${line.boot}: what it says is fresh`];
    case "missing": return ["warning", "missing", `records may be missing after number ${line.after} of boot ${line.boot}`];
    case "skipped": return ["warning", "skipped", `numbers leapt from ${line.after} to ${line.number} in boot ${line.boot}`];
    case "rotated": return ["done", "root key", `heard under root key ${line.generation}; the one before is refused`];
    case "kept": return ["warning", "root key", `refused root key ${line.generation}: ${line.why}`];
    case "revoked": return ["critical", "revoked", "nothing of it is believed from here on"];
    default: return ["info", String(line.event), String(line.text ?? line.why ?? "")];
  }
}

// Where the gateway makes alerts, there is one of each refusal that the owner should look at.
const urgent = (line, alerts) => line.event === "alert" || line.event === "revoked" || line.event === "refused" || (!alerts && line.event === "missing");

function item(line, session, mote) {
  const [kind, about, what] = told(line, mote);
  const over = line.over ? " · over" : line.acknowledged ? " · seen" : "";
  const count = line.count > 1 ? ` (${line.count} times)` : "";
  const node = el("li", { class: `${kind}${over ? " over" : ""}` },
    el("span", { class: "mark", "aria-label": kind }, MARKS[kind] ?? "·"),
    el("div", { class: "words" },
      el("div", {}, line.mote ? el("a", { href: `#/mote/${line.mote}` }, el("b", {}, line.mote), " ") : null, el("b", {}, about), over),
      el("p", {}, what + count)),
    el("time", { datetime: new Date(line.time * 1000).toISOString() }, clock(line.time)));
  if (line.event === "alert" && !over && session.may.manage) {
    const button = el("button", { class: "button", onclick: async () => {
      button.disabled = true;
      try {
        await post(`/api/alerts/${encodeURIComponent(line.id)}/acknowledge`);
        node.classList.add("over");
        button.remove();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        button.disabled = false;
        say(error.message);
        button.textContent = error.message;
      }
    } }, "Acknowledge");
    node.querySelector(".words").append(button);
  }
  return node;
}

export class Feed {
  #state;
  #session;
  #only;
  #most;
  #mote;
  #items = new Map();

  constructor(state, session, { only = "all", most = 60, mote = null } = {}) {
    Object.assign(this, { list: el("ul", { class: "feed" }) });
    this.#state = state;
    this.#session = session;
    this.#only = only;
    this.#most = most;
    this.#mote = mote;
    this.draw();
  }

  set only(value) {
    this.#only = value;
    this.draw();
  }

  draw() {
    const lines = this.#state.feed
      .filter((line) => (this.#mote ? line.mote === this.#mote : true) && !(this.#state.alerts && line.event === "refused") && (this.#only === "all" || urgent(line, this.#state.alerts)))
      .slice(-this.#most).reverse();
    const before = this.#items;
    this.#items = new Map();
    for (const line of lines) {
      const key = JSON.stringify(line);
      this.#items.set(key, before.get(key) ?? item(line, this.#session, this.#state.motes.get(line.mote)));
    }
    if (!lines.length) this.#items.set("", before.get("") ?? el("li", { class: "empty" }, el("span"), "Nothing so far: all is well."));
    arrange(this.list, [...this.#items.values()]);
  }
}

export function alertsPage(state, session) {
  const feed = new Feed(state, session, { only: "urgent", most: 300 });
  const buttons = [["urgent", "Alerts"], ["all", "Everything"]].map(([only, words_]) => el("button", { "aria-pressed": String(only === "urgent"), onclick: (event) => {
    feed.only = only;
    for (const each of event.target.parentNode.children) each.setAttribute("aria-pressed", String(each === event.target));
  } }, words_));
  const node = el("div", {},
    el("div", { class: "head" }, el("h1", {}, "Alerts"), el("span", { class: "push" }), el("div", { class: "segments", role: "group", "aria-label": "Which" }, buttons)),
    el("div", { class: "card" }, feed.list));
  return { node, title: "Alerts", change: (dirty) => (dirty.has("feed") || dirty.has("all")) && feed.draw(), close: () => {} };
}
