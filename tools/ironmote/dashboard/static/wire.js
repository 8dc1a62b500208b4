// The wire: a message as whoever listens sees it, beside what the gateway opened of it.
import { get, mote as path, Refused } from "./api.js";
import { el, icon, put } from "./dom.js";
import { clock, words } from "./units.js";

const AGAIN_MS = 1200;
const SHOWN = 640;

function side(view, at) {
  const bytes = view.hex.match(/../g) ?? [];
  const legible = at > 0 && view.parts.length === 1 && !view.parts[0].hidden;
  const node = el("div", { class: "side seen" }, el("h3", {}, icon("eye"), `What ${view.who} sees`), el("p", { class: "caption" }, view.caption));
  if (legible) {
    const data = Uint8Array.from(bytes, (byte) => parseInt(byte, 16));
    node.append(el("p", { class: "legible" }, new TextDecoder().decode(data)));
    return node;
  }
  if (!bytes.length) return node;
  const spans = [];
  view.parts.forEach((part, number) => {
    for (let byte = part.from; byte < Math.min(part.to, bytes.length, SHOWN); byte += 1) {
      spans.push(el("span", { class: part.hidden ? `p${number} hidden` : `p${number}`, title: `${part.name}: ${part.about}` }, bytes[byte]));
    }
  });
  const left = view.size - Math.min(bytes.length, SHOWN);
  node.append(el("div", { class: "bytes", "aria-label": `${view.size} bytes` }, spans), left > 0 ? el("p", { class: "faint" }, `… and ${left} bytes more`) : "");
  node.append(el("ul", { class: "key" }, view.parts.map((part, number) => {
    const light = (on) => () => node.querySelectorAll(`.bytes .p${number}`).forEach((span) => span.classList.toggle("lit", on));
    return el("li", { onpointerenter: light(true), onpointerleave: light(false) }, el("i", { class: part.hidden ? `p${number} hidden` : `p${number}` }), el("b", {}, part.name), el("span", {}, part.hidden ? `${part.about}: hidden` : part.about));
  })));
  return node;
}

function opened(message) {
  const head = el("h3", {}, icon("lock"), "What the gateway opened");
  if (!message.opened.length) {
    const kind = message.topic.split("/").at(-1);
    const about = { down: "a command: for the mote alone, on this link and on every other", ack: "an answer of the mote", state: "what the mote says of itself", up: "a record, opened before this page was" }[kind] ?? "";
    return el("div", { class: "side opened" }, head, el("p", { class: "caption" }, about));
  }
  const [boot, number] = message.record;
  return el("div", { class: "side opened" }, head,
    el("p", { class: "caption" }, `verified, not seen before, stored once as record ${number} of boot ${boot}`),
    el("table", {}, el("tbody", {}, message.opened.map((reading) => el("tr", {}, el("td", { class: "dim" }, reading.name), el("td", {}, words(reading.value, reading.unit)))))));
}

export class Wire {
  #mote;
  #messages = [];
  #chosen = null; // null follows the newest
  #drawn = "";
  #timer;

  constructor(mote) {
    this.#mote = mote;
    this.list = el("div", { class: "packets", role: "group", "aria-label": "Messages" });
    this.sides = el("div", { class: "sides" });
    this.follow = el("button", { "aria-pressed": "true", onclick: () => this.#choose(null) }, "newest");
    this.stay = el("button", { "aria-pressed": "false", onclick: () => this.#choose(this.#shown()) }, "hold");
    this.node = el("section", { class: "block card", "aria-label": "The wire" },
      el("div", { class: "head" }, el("h2", {}, "On the wire: what others see"), el("span", { class: "push" }), el("div", { class: "segments" }, this.follow, this.stay)),
      el("div", { class: "wire" }, this.list, this.sides));
    this.#timer = setInterval(() => this.load(), AGAIN_MS);
    this.load();
  }

  close() {
    clearInterval(this.#timer);
  }

  async load() {
    if (document.hidden) return;
    try {
      this.#messages = (await get(path(this.#mote, "wire"))).messages.reverse();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (!this.#messages.length) put(this.sides, el("p", { class: "dim" }, error.message));
      return;
    }
    this.#draw();
  }

  #shown() {
    return this.#chosen ?? this.#messages.find((each) => each.opened.length) ?? this.#messages[0] ?? null;
  }

  #choose(message) {
    this.#chosen = message;
    this.follow.setAttribute("aria-pressed", String(message === null));
    this.stay.setAttribute("aria-pressed", String(message !== null));
    this.#draw();
  }

  #draw() {
    const shown = this.#shown();
    if (!shown) {
      put(this.sides, el("p", { class: "dim" }, "nothing was heard yet"));
      return;
    }
    const same = (a, b) => a.arrived === b.arrived && a.topic === b.topic && a.views.at(-1).hex === b.views.at(-1).hex;
    const all = this.#messages.some((each) => same(each, shown)) ? this.#messages : [...this.#messages, shown];
    const key = JSON.stringify([all.map((each) => [each.arrived, each.topic]), shown.arrived, shown.topic, shown.opened.length]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    const held = this.list.contains(document.activeElement) ? [...this.list.children].indexOf(document.activeElement) : -1;
    put(this.list, all.map((each) => el("button", { "aria-pressed": String(same(each, shown)), onclick: () => this.#choose(each) },
      el("span", { class: `way ${each.direction}`, "aria-label": each.direction === "up" ? "from the mote" : "to the mote" }, each.direction === "up" ? "↑" : "↓"),
      el("span", {}, each.topic.split("/").at(-1)), el("span", { class: "faint" }, clock(each.arrived)))));
    if (held >= 0) this.list.children[held]?.focus();
    put(this.sides, el("div", {}, shown.views.map(side)), el("div", {}, opened(shown)));
  }
}
