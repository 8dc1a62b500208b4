// A chart of one reading: mean as a line, lowest to highest as a band, values by pointer and by arrow keys.
import { el, put, say, svg } from "./dom.js";
import { moment, number, parts, scale, sign, tick } from "./units.js";

const LEFT = 44;
const BOTTOM = 22;
const TOP = 8;
const RIGHT = 6;

// About `count` round numbers between low and high.
function ticks(low, high, count) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= rough) ?? rough;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(at);
  return { found, decimals: Math.max(0, Math.min(4, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0))) };
}

export class Chart {
  #points = [];
  #unit = null;
  #rangeS = 3600;
  #now = 0;
  #at = null;
  #name;
  #stepped = false;

  constructor(name, hue) {
    this.#name = name;
    this.latest = el("p", { class: "value" });
    this.svg = svg("svg", { tabindex: 0, role: "img" });
    this.tip = el("div", { class: "tip", hidden: true });
    this.none = el("div", { class: "none", hidden: true }, "nothing in this time");
    this.plot = el("div", { class: "plot" }, this.svg, this.tip, this.none);
    this.node = el("section", { class: `chart card hue${hue % 6}` }, el("header", {}, el("h3", {}, name), this.latest), this.plot);
    this.svg.addEventListener("pointermove", (event) => this.#point(event));
    this.svg.addEventListener("pointerdown", (event) => this.#point(event));
    this.svg.addEventListener("pointerleave", () => this.#choose(null));
    this.svg.addEventListener("blur", () => this.#choose(null));
    this.svg.addEventListener("keydown", (event) => this.#key(event));
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(this.plot);
  }

  close() {
    this.watcher.disconnect();
  }

  // `points` are [time, lowest, mean, highest], oldest first.
  show(points, unit, rangeS, now, stepped) {
    this.#points = points;
    this.#unit = unit;
    this.#rangeS = rangeS;
    this.#now = now;
    this.#stepped = stepped;
    this.draw();
  }

  // One more value, as it arrives.
  add(time, value, now) {
    this.#now = now;
    this.#points.push([time, value, value, value]);
    while (this.#points.length > 2 && this.#points[0][0] < now - this.#rangeS) this.#points.shift();
    this.draw();
  }

  value(value, unit) {
    const [words, shown] = parts(value, unit);
    put(this.latest, words, el("small", {}, shown));
  }

  draw() {
    const width = this.plot.clientWidth;
    const height = this.plot.clientHeight;
    if (!width) return;
    const factor = scale(this.#unit);
    const points = this.#points.map(([time, low, mean, high]) => [time, low * factor, mean * factor, high * factor]);
    this.none.hidden = points.length > 0;
    let low = Math.min(...points.map((point) => point[1]));
    let high = Math.max(...points.map((point) => point[3]));
    if (!points.length) [low, high] = [0, 1];
    if (this.#stepped) [low, high] = [Math.min(0, low), Math.max(1, high)];
    const room = (high - low) * 0.08 || Math.abs(high) * 0.02 || 0.5;
    if (!this.#stepped) [low, high] = [low - room, high + room];
    const to = Math.max(this.#now, points.at(-1)?.[0] ?? 0);
    // A mote that has spoken for minutes of an hour has them drawn, and not a line at the edge.
    const from = Math.max(to - this.#rangeS, points.length ? Math.min(points[0][0], to - Math.min(this.#rangeS, 60)) : 0);
    const x = (time) => LEFT + ((time - from) / (to - from || 1)) * (width - LEFT - RIGHT);
    const y = (value) => TOP + (1 - (value - low) / (high - low)) * (height - TOP - BOTTOM);
    this.place = { x, y, points, width };
    put(this.svg, ...this.#axes(x, y, from, to, low, high, width, height), ...this.#lines(x, y, points, to, height), ...this.#cross(height));
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", this.#about(points));
  }

  #axes(x, y, from, to, low, high, width, height) {
    const rows = this.#stepped && high === 1 ? { found: [0, 1], decimals: 0 } : ticks(low, high, 4);
    const drawn = rows.found.flatMap((value) => [
      svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 7, y: y(value) + 4, "text-anchor": "end" }, this.#stepped && high === 1 ? (value ? "on" : "off") : value.toFixed(rows.decimals)),
    ]);
    const columns = Math.max(2, Math.floor((width - LEFT) / 110));
    for (let at = 0; at <= columns; at += 1) {
      const time = from + ((to - from) * at) / columns;
      const anchor = at === 0 ? "start" : at === columns ? "end" : "middle";
      const label = to - from < 600 ? moment(time, to - from) : tick(time, to - from);
      drawn.push(svg("text", { x: x(time), y: height - 4, "text-anchor": anchor }, label));
    }
    return drawn;
  }

  // Where nothing was heard for long, the line is broken: what was not measured is not drawn.
  #runs(points) {
    const gaps = points.slice(1).map((point, at) => point[0] - points[at][0]).sort((a, b) => a - b);
    const usual = gaps[Math.floor(gaps.length / 2)] ?? 0;
    const longest = Math.max(usual * 6, this.#rangeS / 90);
    const runs = [];
    for (const point of points) {
      const last = runs.at(-1);
      if (last && (this.#stepped || point[0] - last.at(-1)[0] <= longest)) last.push(point);
      else runs.push([point]);
    }
    return runs;
  }

  #lines(x, y, points, to, height) {
    return this.#runs(points).flatMap((run) => {
      const line = run.map(([time, , mean], at) => {
        const here = `${x(time).toFixed(1)} ${y(mean).toFixed(1)}`;
        if (!at) return `M${here}`;
        return this.#stepped ? `H${x(time).toFixed(1)}V${y(mean).toFixed(1)}` : `L${here}`;
      }).join("") + (this.#stepped ? `H${x(to).toFixed(1)}` : run.length === 1 ? "h0.1" : "");
      const drawn = [];
      const first = x(run[0][0]).toFixed(1);
      const last = x(this.#stepped ? to : run.at(-1)[0]).toFixed(1);
      drawn.push(svg("path", { class: "area", d: `${line}L${last} ${height - BOTTOM}L${first} ${height - BOTTOM}Z` }));
      if (run.some(([, low, , high]) => low !== high)) {
        const up = run.map(([time, , , high]) => `${x(time).toFixed(1)} ${y(high).toFixed(1)}`);
        const down = run.map(([time, low]) => `${x(time).toFixed(1)} ${y(low).toFixed(1)}`).reverse();
        drawn.push(svg("path", { class: "band", d: `M${[...up, ...down].join("L")}Z` }));
      }
      drawn.push(svg("path", { class: "line", d: line }));
      return drawn;
    });
  }

  #cross(height) {
    const point = this.#at === null ? null : this.place.points[this.#at];
    this.tip.hidden = !point;
    if (!point) return [];
    const [time, , mean] = point;
    const { x, y, width } = this.place;
    put(this.tip, el("b", {}, this.#words(this.#at)), ` · ${moment(time, this.#rangeS)}`);
    const place = x(time);
    this.tip.style.left = `${Math.max(LEFT, Math.min(place + 10, width - this.tip.offsetWidth - 4))}px`;
    if (place + 10 + this.tip.offsetWidth > width) this.tip.style.left = `${Math.max(0, place - this.tip.offsetWidth - 10)}px`;
    return [
      svg("line", { class: "cross", x1: place, x2: place, y1: TOP, y2: height - BOTTOM }),
      svg("circle", { class: "point", cx: place, cy: y(mean), r: 4.5 }),
    ];
  }

  #words(at) {
    const [, low, mean, high] = this.#points[at];
    const unit = this.#unit;
    if (this.#stepped && !unit) return mean === 1 ? "on" : mean === 0 ? "off" : `on for ${Math.round(mean * 100)} % of it`;
    const shown = sign(unit);
    const said = `${number(mean, unit, 1)} ${shown}`.trim();
    return low === high ? said : `${said} (${number(low, unit, 1)} to ${number(high, unit, 1)})`;
  }

  #about(points) {
    if (!points.length) return `${this.#name}: nothing in this time`;
    const lows = this.#points.map((point) => point[1]);
    const highs = this.#points.map((point) => point[3]);
    const unit = this.#unit;
    return `${this.#name}, ${points.length} points from ${number(Math.min(...lows), unit)} to ${number(Math.max(...highs), unit)} ${sign(unit)}; arrow keys tell single values`;
  }

  #point(event) {
    const points = this.place?.points ?? [];
    if (!points.length) return;
    const left = event.clientX - this.svg.getBoundingClientRect().left;
    let nearest = 0;
    points.forEach((point, at) => {
      if (Math.abs(this.place.x(point[0]) - left) < Math.abs(this.place.x(points[nearest][0]) - left)) nearest = at;
    });
    this.#choose(nearest);
  }

  #key(event) {
    const last = this.#points.length - 1;
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10 };
    if (last < 0) return;
    if (event.key in steps) this.#choose(Math.max(0, Math.min(last, (this.#at ?? last + 1) + steps[event.key])));
    else if (event.key === "Home") this.#choose(0);
    else if (event.key === "End") this.#choose(last);
    else if (event.key === "Escape") this.#choose(null);
    else return;
    event.preventDefault();
    if (this.#at !== null) say(`${this.#words(this.#at)}, ${moment(this.#points[this.#at][0], this.#rangeS)}`);
  }

  #choose(at) {
    if (this.#at === at) return;
    this.#at = at;
    this.draw();
  }
}
