// What protects a mote, why, and what became of it; and, for administrators, to end it.
import { mote as path, post, Refused } from "./api.js";
import { badge } from "./badge.js";
import { el, put } from "./dom.js";
import { bytes, date, span } from "./units.js";

const DAY_S = 86400;

async function confirmed(title, words, verb) {
  const box = el("dialog", {}, el("h1", {}, title), el("p", { class: "dim" }, words),
    el("form", { method: "dialog", class: "row" }, el("button", { class: "button", value: "no", autofocus: true }, "Leave it"), el("button", { class: "button danger", value: "yes" }, verb)));
  document.body.append(box);
  box.showModal();
  return new Promise((resolve) => box.addEventListener("close", () => {
    box.remove();
    resolve(box.returnValue === "yes");
  }));
}

function facts(pairs) {
  return el("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").flatMap(([name, value, kind]) => [el("dt", {}, name), el("dd", { class: kind ?? "" }, value)]));
}

function certificate(mote, now) {
  if (!mote.certificate_ends) return [null];
  const left = mote.certificate_ends - now;
  return [`${date(mote.certificate_ends)}, in ${span(left)}`, left < 90 * DAY_S ? "warn" : ""];
}

function fresh(mote, sealed) {
  if (mote.revoked) return ["not believed any more", "bad"];
  if (!sealed) return ["inside its TLS session", "good"];
  return mote.confirmed ? ["confirmed by a challenge", "good"] : ["not confirmed yet", "warn"];
}

export class Security {
  #session;
  #drawn = "";

  constructor(session) {
    this.#session = session;
    this.body = el("div");
    this.said = el("p", { class: "answer dim", role: "status" });
    this.actions = el("div", { class: "actions", hidden: !session.may.manage });
    this.node = el("section", { class: "block card", "aria-label": "Security" }, el("div", { class: "head" }, el("h2", {}, "Security"), el("span", { class: "push" }), this.badge = el("span")), this.body, this.actions, this.said);
  }

  draw(mote, state) {
    const sealed = (mote.channel ?? "").endsWith("sealed");
    const pairs = [
      ["root key", mote.generation ? `generation ${mote.generation}` : null],
      ["epoch", mote.boot !== null && mote.boot !== undefined ? `boot ${mote.boot}` : null],
      ["fresh", ...fresh(mote, sealed)],
      ["messages refused", String(mote.refused ?? 0), mote.refused ? "bad" : ""],
      ["commands it refused", mote.state?.refused ? String(mote.state.refused) : null, "warn"],
      ["certificate ends", ...certificate(mote, state.now())],
      ["zone", mote.zone],
    ];
    const key = JSON.stringify([pairs, mote.channel, mote.why, mote.revoked]);
    if (key === this.#drawn) return;
    this.#drawn = key;
    put(this.badge, badge(mote));
    put(this.body, mote.why ? el("p", { class: "why" }, mote.why) : null, facts(pairs));
    put(this.actions,
      mote.revoked ? el("p", { class: "bad" }, "Revoked: nothing of it is believed.") : el("button", { class: "button danger", onclick: () => this.#revoke(mote) }, "Revoke"));
  }

  async #revoke(mote) {
    const words = "From here on the gateway believes nothing that it says. ironmote revoke tells the broker and the key store too; to bring it back it is provisioned again, by cable.";
    if (!(await confirmed(`Revoke ${mote.id}?`, words, "Revoke"))) return;
    try {
      await post(path(mote.id, "revoke"));
      this.said.textContent = `done; now: ironmote revoke ${mote.id}`;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.said.textContent = error.message;
    }
  }
}

export class Health {
  #drawn = "";

  constructor() {
    this.body = el("div");
    this.node = el("section", { class: "block card", "aria-label": "Health" }, el("div", { class: "head" }, el("h2", {}, "How it is")), this.body);
  }

  draw(mote) {
    const state = mote.state ?? {};
    const pairs = [
      ["memory free", state.free ? bytes(state.free) : null],
      ["least free", state.low ? bytes(state.low) : null, state.low && state.low < 4096 ? "warn" : ""],
      ["signal", state.rssi ? `${state.rssi} dBm` : null, state.rssi && state.rssi < -85 ? "warn" : ""],
      ["clock", state.clock || null],
      ["last reset", state.reset || null],
      ["firmware", state.firmware || null],
      ["dropped", state.dropped ? `${state.dropped} records` : null, "warn"],
      ["missing", (state.missing ?? []).join(", "), "bad"],
      ["held safe", (state.held ?? []).join(", "), "warn"],
      ["last warning", state.last || null, "warn"],
      ["mode", state.mode ? `${state.mode}: ${state.mode_why ?? ""}` : null, "bad"],
    ];
    const key = JSON.stringify(pairs);
    if (key === this.#drawn) return;
    this.#drawn = key;
    put(this.body, pairs.some(([, value]) => value) ? facts(pairs) : el("p", { class: "dim" }, "it has not said yet"));
  }
}
