// Values, times and sizes as people write them. Units are SenML's (RFC 8428, 12.1).
const SHOWN = {
  Cel: ["°C", 1, 1], "%RH": ["%", 1, 1], Pa: ["hPa", 0.01, 1], lx: ["lx", 1, 0], "/": ["%", 100, 0],
  rad: ["°", 180 / Math.PI, 0], Hz: ["Hz", 1, 0], V: ["V", 1, 2], "%": ["%", 1, 0], dBm: ["dBm", 1, 0],
};

export const scale = (unit) => (Object.hasOwn(SHOWN, unit ?? "") ? SHOWN[unit][1] : 1);
export const sign = (unit) => (Object.hasOwn(SHOWN, unit ?? "") ? SHOWN[unit][0] : unit ?? "");

export function number(value, unit, more = 0) {
  const decimals = Object.hasOwn(SHOWN, unit ?? "") ? SHOWN[unit][2] : Number.isInteger(value) ? 0 : 2;
  const scaled = value * scale(unit);
  if (!Number.isFinite(scaled)) return String(value);
  return Math.abs(scaled) >= 1e7 ? scaled.toExponential(3) : scaled.toFixed(Math.min(decimals + more, 6));
}

export function parts(value, unit) {
  if (value === true) return ["on", ""];
  if (value === false) return ["off", ""];
  if (typeof value === "number") return [number(value, unit), sign(unit)];
  return [value === null || value === undefined ? "–" : String(value), ""];
}

export const words = (value, unit) => parts(value, unit).join(" ").trim();

export function ago(seconds) {
  if (seconds < 2) return "now";
  if (seconds < 60) return `${Math.round(seconds)} s ago`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

export function span(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const MINUTE = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" });
const DATE = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "short", day: "numeric" });
export const clock = (time) => CLOCK.format(time * 1000);
export const tick = (time, rangeS) => (rangeS > 172800 ? DAY : MINUTE).format(time * 1000);
export const moment = (time, rangeS) => (rangeS > 86400 ? `${DAY.format(time * 1000)} ${MINUTE.format(time * 1000)}` : rangeS > 7200 ? MINUTE.format(time * 1000) : CLOCK.format(time * 1000));
export const date = (time) => DATE.format(time * 1000);
export const bytes = (count) => (count >= 10240 ? `${Math.round(count / 1024)} KiB` : `${count} bytes`);

// The readings of a mote, in an order that stays: what most people look for first, what derives from it last.
const FIRST = ["Cel", "%RH"];
export function ordered(mote) {
  const driven = new Set((mote.actuators ?? []).map((each) => each.name));
  const rank = ([name, latest]) => (driven.has(name) ? 9 : name.includes(":") ? 8 : FIRST.indexOf(latest.unit) < 0 ? 7 : FIRST.indexOf(latest.unit));
  return Object.entries(mote.latest ?? {}).sort((one, other) => rank(one) - rank(other) || (one[0] < other[0] ? -1 : 1));
}
