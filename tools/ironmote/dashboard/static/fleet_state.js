// All that the page knows of the fleet: asked for once, kept up by the stream of events, told to whoever draws it.
import { get } from "./api.js";

const POINTS = 60;
const FEED = 300;
const RATE_S = 60;
const AGAIN_MS = 2000;

export class FleetState extends EventTarget {
  motes = new Map();
  series = new Map(); // mote → name → [[time, value], …]
  feed = [];
  away = "";
  alerts = false; // whether this gateway makes alerts of what it refuses
  connected = false;
  #source = null;
  #skew = 0;
  #arrivals = [];
  #dirty = new Set();
  #drawing = false;

  now() {
    return Date.now() / 1000 + this.#skew;
  }

  get rate() {
    const since = this.now() - RATE_S;
    while (this.#arrivals.length && this.#arrivals[0][0] < since) this.#arrivals.shift();
    return this.#arrivals.reduce((sum, [, count]) => sum + count, 0);
  }

  get open() {
    return this.feed.filter((line) => line.event === "alert" && !line.over && !line.acknowledged && line.severity !== "info").length;
  }

  // A browser has six connections to a server for all its pages: those that nobody looks at leave theirs to others.
  start() {
    const look = () => (document.hidden ? this.#stop() : this.#listen());
    document.addEventListener("visibilitychange", look);
    addEventListener("pagehide", () => this.#stop());
    addEventListener("pageshow", look);
    look();
  }

  #listen() {
    if (this.#source) return;
    this.#source = new EventSource("/api/events");
    this.#source.addEventListener("hello", () => this.load().catch(() => {}));
    this.#source.addEventListener("ended", () => get("/api/session").catch(() => {})); // which tells that it has ended
    this.#source.addEventListener("message", (event) => this.#take(JSON.parse(event.data)));
    this.#source.addEventListener("error", () => {
      this.#connect(false);
      if (this.#source?.readyState === EventSource.CLOSED) this.#again();
    });
  }

  // A browser connects again by itself, but not where it was refused: was that the session, or is the server full?
  #again() {
    this.#stop();
    setTimeout(() => get("/api/session").then(() => document.hidden || this.#listen(), () => this.#again()), AGAIN_MS);
  }

  #stop() {
    this.#source?.close();
    this.#source = null;
  }

  async load() {
    const found = await get("/api/fleet");
    this.#skew = found.now - Date.now() / 1000;
    this.motes = new Map(found.motes.map((mote) => [mote.id, mote]));
    // What the mote says itself goes before what the fleet knows.
    for (const mote of found.motes) Object.assign(mote, { why: mote.state?.why || mote.why, channel: mote.state?.channel || mote.channel });
    this.series = new Map(Object.entries(found.series).map(([mote, names]) => [mote, new Map(Object.entries(names))]));
    this.feed = found.feed;
    this.away = found.away;
    this.alerts = found.alerts;
    this.#arrivals = [[found.now - RATE_S / 2, found.rate]];
    this.#connect(true);
    this.#mark("all");
  }

  points(mote, name) {
    return this.series.get(mote)?.get(name) ?? [];
  }

  #connect(connected) {
    this.connected = connected;
    this.#mark("link");
  }

  #take(lines) {
    let readings = 0;
    let unknown = false;
    for (const line of lines) {
      if (line.event === "gateway") this.away = line.away;
      else if (line.event === "reading") readings += 1;
      else if (line.number) this.#happened(line);
      const mote = line.mote ? this.motes.get(line.mote) : null;
      if (mote) this.#apply(mote, line);
      else if (line.mote && line.event === "reading") unknown = true;
      this.#mark(line.event === "gateway" ? "link" : line.mote ?? "feed");
    }
    if (readings) this.#arrivals.push([this.now(), readings]);
    if (unknown) this.load().catch(() => {});
    this.dispatchEvent(new CustomEvent("lines", { detail: lines }));
  }

  #apply(mote, line) {
    if (line.event === "reading") {
      mote.latest = { ...mote.latest, [line.name]: { value: line.value, unit: line.unit, time: line.time } };
      mote.online = true;
      mote.seen = this.now();
      mote.channel = line.channel ?? mote.channel;
      const names = this.series.get(mote.id) ?? new Map();
      this.series.set(mote.id, names);
      const points = names.get(line.name) ?? [];
      names.set(line.name, points);
      points.push([line.time, line.value]);
      if (points.length > POINTS) points.shift();
    } else if (line.event === "state") {
      mote.state = { ...mote.state, ...line };
      mote.online = line.online;
      mote.seen = this.now();
      if (line.why) mote.why = line.why;
      if (line.channel) mote.channel = line.channel;
      if (line.boot) mote.boot = line.boot;
    } else if (line.event === "refused") mote.refused = (mote.refused ?? 0) + (line.times ?? 1);
    else if (line.event === "confirmed") Object.assign(mote, { confirmed: true, boot: line.boot });
    else if (line.event === "rotated") mote.generation = line.generation;
    else if (line.event === "revoked") mote.revoked = true;
  }

  #happened(line) {
    if (line.event === "alert") this.feed = this.feed.filter((each) => each.event !== "alert" || each.id !== line.id);
    this.feed.push(line);
    if (this.feed.length > FEED) this.feed.shift();
    this.#mark("feed");
  }

  // Drawing waits for the next frame, however much comes before it.
  #mark(what) {
    this.#dirty.add(what);
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      const dirty = this.#dirty;
      this.#dirty = new Set();
      this.dispatchEvent(new CustomEvent("change", { detail: dirty }));
    });
  }
}
