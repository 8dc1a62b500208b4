// A mote's actuators. What is shown is what the mote says: a switch moves when the mote has answered, not before.
import { mote as path, post, Refused } from "./api.js";
import { el, put, text } from "./dom.js";
import { words } from "./units.js";

const HOLDS = [["", "as its settings say"], ["600", "10 minutes"], ["3600", "an hour"], ["28800", "8 hours"], ["86400", "a day"]];
const RANGES = { dimmer: [0, 100, 1, "%"], servo: [0, 180, 1, "°"], buzzer: [0, 5000, 10, "Hz"] };

// What commands take, out of what records say of an actuator.
function fromRecord(latest) {
  if (!latest) return null;
  if (latest.unit === "/") return Math.round(latest.value * 100);
  if (latest.unit === "rad") return Math.round((latest.value * 180) / Math.PI);
  return Number(latest.value);
}

class Control {
  #mote;
  #actuator;
  #hold;
  #busy = false;
  #touched = false;
  #time; // of what was last told of its state
  #before; // the same when the mote answered: what it was before it was switched, until the next record

  constructor(mote, actuator, may, hold) {
    this.#mote = mote.id;
    this.#actuator = actuator;
    this.#hold = hold;
    const range = actuator.kind === "buzzer" && actuator.freq_hz ? null : RANGES[actuator.kind];
    this.answer = el("p", { class: "answer", role: "status" });
    const label = `${actuator.name} of ${mote.id}`;
    if (range) {
      this.input = el("input", { type: "range", min: range[0], max: range[1], step: range[2], "aria-label": label, disabled: !may,
        oninput: () => { this.#touched = true; text(this.output, `${this.input.value} ${range[3]}`); },
        onchange: () => this.#send(Number(this.input.value)) });
      this.unit = range[3];
      this.output = el("output");
    } else {
      this.button = el("button", { class: "switch", role: "switch", "aria-checked": "false", "aria-label": label, disabled: !may,
        onclick: () => !this.#busy && this.#send(this.button.getAttribute("aria-checked") !== "true") });
    }
    this.auto = el("button", { class: "link", hidden: !actuator.rule || !may, title: "its rule decides again", onclick: () => this.#send("auto") }, "back to its rule");
    this.node = el("div", { class: "control" },
      el("div", { class: "name" }, el("b", {}, actuator.name), el("span", {}, actuator.rule ? `${actuator.kind}, by a ${actuator.rule}` : actuator.kind)),
      this.button ?? null,
      this.input ? el("div", { class: "slide" }, this.input, this.output) : null,
      this.auto,
      this.answer);
  }

  draw(latest) {
    const at = fromRecord(latest);
    this.#time = latest?.time;
    if (this.#busy || latest?.time === this.#before || at === null || !Number.isFinite(at)) return;
    if (this.button) this.button.setAttribute("aria-checked", String(at > 0));
    else if (!this.#touched) {
      this.input.value = at;
      text(this.output, `${at} ${this.unit}`);
    }
  }

  async #send(value) {
    this.#busy = true;
    this.#tell("wait", `asked; waiting for what ${this.#mote} says …`);
    this.button?.setAttribute("aria-busy", "true");
    try {
      const hold = this.#hold();
      const outcome = await post(path(this.#mote, "send"), { name: this.#actuator.name, value, ...(hold && value !== "auto" ? { for_s: hold } : {}) });
      if (outcome.result === "done") this.#done(outcome);
      else this.#tell("bad", `✗ ${outcome.result === "refused" ? `${this.#mote} refused` : outcome.result}${outcome.why ? `: ${outcome.why}` : ""}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.#tell("bad", `✗ ${error.message}`);
    } finally {
      this.#busy = false;
      this.#touched = false;
      this.button?.setAttribute("aria-busy", "false");
    }
  }

  #done(outcome) {
    this.#before = this.#time;
    const at = Number(outcome.value);
    if (this.button) this.button.setAttribute("aria-checked", String(at > 0));
    else if (Number.isFinite(at)) {
      this.input.value = at;
      text(this.output, `${at} ${this.unit}`);
    }
    const said = this.button ? (at > 0 ? "on" : "off") : Number.isFinite(at) ? `${at} ${this.unit}` : words(outcome.value);
    this.#tell("good", `✓ ${this.#mote} says: ${said} · answered in ${Math.round(outcome.ms)} ms`);
  }

  #tell(kind, said) {
    this.answer.className = `answer ${kind}`;
    text(this.answer, said);
  }
}

export class Controls {
  #controls = new Map();
  #shape = "";
  #may;

  constructor(may) {
    this.#may = may;
    this.list = el("div", { class: "controls" });
    this.hold = el("select", { class: "for", "aria-label": "for how long" }, HOLDS.map(([value, shown]) => el("option", { value }, shown)));
    this.node = el("section", { class: "block card", "aria-label": "Actuators" },
      el("div", { class: "head" }, el("h2", {}, "Actuators"), el("span", { class: "push" }), may ? el("label", { class: "hold" }, "hold", this.hold) : el("span", { class: "faint" }, "a controller may switch")), this.list);
  }

  draw(mote) {
    const actuators = mote.actuators ?? [];
    const shape = JSON.stringify(actuators);
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#controls = new Map(actuators.map((each) => [each.name, new Control(mote, each, this.#may, () => Number(this.hold.value))]));
      put(this.list, actuators.length ? [...this.#controls.values()].map((each) => each.node) : el("p", { class: "dim" }, "this mote has none"));
    }
    for (const [name, control] of this.#controls) control.draw(mote.latest?.[name]);
  }
}
