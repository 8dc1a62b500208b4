// The fleet at a glance: a tile a mote, figures above, what happened beside.
import { badge, standing, standingWords } from "./badge.js";
import { arrange, el, put, text } from "./dom.js";
import { Feed } from "./feed.js";
import { spark } from "./spark.js";
import { ago, ordered, parts, words } from "./units.js";

const LESSER = 3;
const SECOND_MS = 1000;
const MOST_TILES = 300; // at a time; of more, one finds the mote

// Readings that sensors give, and not what derives from them or says what an actuator is at.
function readings(mote) {
  const driven = new Set((mote.actuators ?? []).map((each) => each.name));
  return ordered(mote).filter(([name]) => !driven.has(name) && !name.includes(":"));
}

class Tile {
  #values = new Map();
  #shape = "";

  constructor(mote) {
    this.dot = el("i", { class: "dot" });
    this.standing = el("span", { class: "unseen" });
    this.badge = el("span");
    this.about = el("p", { class: "about" });
    this.body = el("div", { class: "readings" });
    this.why = el("p", { class: "why-line" });
    this.foot = el("div", { class: "tile-foot" });
    this.node = el("li", { class: "tile card" },
      el("div", { class: "tile-head" }, this.dot, this.standing, el("a", { href: `#/mote/${mote.id}` }, mote.id), el("span", { class: "push" }), this.badge),
      this.about, this.body, this.why, this.foot);
  }

  draw(mote, state) {
    this.dot.className = `dot ${standing(mote)}`;
    text(this.standing, standingWords(mote));
    const shown = `${mote.channel} ${mote.revoked} ${mote.why}`;
    if (this.badge.dataset.shown !== shown) {
      put(this.badge, badge(mote));
      this.badge.dataset.shown = shown;
    }
    text(this.why, mote.why ? `${mote.channel}: ${mote.why}` : "");
    this.clock(mote, state);
    this.#readings(mote, state);
    this.#foot(mote);
  }

  clock(mote, state) {
    const heard = mote.seen ? ago(state.now() - mote.seen) : "not heard yet";
    text(this.about, [mote.board, mote.zone, heard].filter(Boolean).join(" · "));
  }

  #readings(mote, state) {
    const found = readings(mote).slice(0, 1 + LESSER);
    const shape = JSON.stringify(found.map(([name]) => name));
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#values = new Map();
      put(this.body, found.length ? null : el("p", { class: "dim" }, "waiting for the first record"));
      const lesser = el("div", { class: "lesser" });
      found.forEach(([name], at) => {
        const value = el("div", { class: "value" });
        const line = spark(at);
        this.#values.set(name, { value, line, said: "" });
        if (at === 0) this.body.append(el("div", { class: "prime" }, value, el("div", { class: "spark" }, line.node), el("div", { class: "name" }, name)));
        else lesser.append(el("div", {}, value, el("div", { class: "name", title: name }, name), line.node));
      });
      if (found.length > 1) this.body.append(lesser);
    }
    for (const [name, latest] of found) {
      const { value, line } = this.#values.get(name);
      const [shown, unit] = parts(latest.value, latest.unit);
      if (value.dataset.shown !== shown + unit) {
        put(value, shown, el("small", {}, unit));
        value.dataset.shown = shown + unit;
      }
      line.draw(state.points(mote.id, name));
    }
  }

  #foot(mote) {
    const chips = (mote.actuators ?? []).slice(0, 4).map((each) => {
      const at = mote.latest?.[each.name];
      return el("span", { class: `chip${at?.value ? " lit" : ""}` }, each.name, el("b", {}, at ? words(at.value, at.unit) : "–"));
    });
    if (mote.refused) chips.push(el("span", { class: "chip bad" }, `${mote.refused} refused`));
    for (const alarm of mote.state?.alarms ?? []) chips.push(el("span", { class: "chip bad" }, alarm));
    const said = chips.map((chip) => chip.textContent).join("|");
    if (this.foot.dataset.shown === said) return;
    this.foot.dataset.shown = said;
    put(this.foot, chips.length ? chips : el("span", {}, "no actuators"));
  }
}

export function fleetPage(state, session) {
  const tiles = new Map();
  const list = el("ul", { class: "tiles" });
  const feed = new Feed(state, session, { most: 40 });
  const figures = ["motes online", "readings a minute", "messages refused", "alerts open"].map((name) => ({ value: el("b"), node: null, name }));
  for (const each of figures) each.node = el("div", { class: "figure card" }, each.value, el("span", {}, each.name));
  const filter = el("input", { class: "filter", type: "search", placeholder: "Find a mote", "aria-label": "Find a mote", oninput: () => show() });
  const more = el("p", { class: "more", hidden: true });
  const none = el("p", { class: "empty card", hidden: true }, "No mote yet. ironmote add ID --board BOARD makes the first.");
  const node = el("div", {},
    el("h1", { class: "unseen" }, "The fleet"),
    el("div", { class: "figures" }, figures.map((each) => each.node)),
    el("div", { class: "glance" },
      el("section", { "aria-label": "Motes" }, el("div", { class: "head" }, el("h2", {}, "Motes"), el("span", { class: "push" }), filter), list, more, none),
      el("section", { "aria-label": "What happened" }, el("div", { class: "head" }, el("h2", {}, "What happened")), el("div", { class: "card" }, feed.list))));

  // The motes whose id or board has what is looked for; what needs looking at comes first where not all have room.
  function show() {
    const wanted = filter.value.trim().toLowerCase();
    const found = [...state.motes.values()].filter((mote) => mote.id.includes(wanted) || (mote.board ?? "").includes(wanted));
    if (found.length > MOST_TILES) found.sort((a, b) => Number(a.online) - Number(b.online) || (b.refused ?? 0) - (a.refused ?? 0));
    const shown = found.slice(0, MOST_TILES).map((mote) => mote.id);
    const kept = new Set(shown);
    for (const id of tiles.keys()) if (!kept.has(id)) tiles.delete(id);
    for (const id of shown) {
      if (!tiles.has(id)) tiles.set(id, new Tile(state.motes.get(id)));
      tiles.get(id).draw(state.motes.get(id), state);
    }
    arrange(list, shown.map((id) => tiles.get(id).node));
    filter.hidden = state.motes.size < 5;
    none.hidden = state.motes.size > 0 || !state.connected || state.away !== "";
    more.hidden = found.length <= MOST_TILES;
    text(more, `… and ${(found.length - MOST_TILES).toLocaleString()} motes more`);
  }

  function figure() {
    const motes = [...state.motes.values()];
    const online = motes.filter((mote) => mote.online && !mote.revoked).length;
    const refused = motes.reduce((sum, mote) => sum + (mote.refused ?? 0), 0);
    put(figures[0].value, String(online), el("small", {}, ` / ${motes.length}`));
    text(figures[1].value, state.rate.toLocaleString());
    text(figures[2].value, refused.toLocaleString());
    text(figures[3].value, String(state.open));
    figures[2].value.className = refused ? "warn" : "";
    figures[3].value.className = state.open ? "bad" : "good";
  }

  function change(dirty) {
    const all = dirty.has("all");
    if (all) show();
    else for (const id of dirty) if (tiles.has(id)) tiles.get(id).draw(state.motes.get(id), state);
    if (all || dirty.has("feed")) feed.draw();
    figure();
  }

  change(new Set(["all"]));
  const timer = setInterval(() => {
    for (const [id, tile] of tiles) if (state.motes.has(id)) tile.clock(state.motes.get(id), state);
    figure();
  }, SECOND_MS);
  return { node, title: "", change, close: () => clearInterval(timer) };
}
