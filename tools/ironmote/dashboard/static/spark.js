// A small line of the last values, drawn once a change; without axes, for the shape alone.
import { svg } from "./dom.js";

const WIDTH = 100;
const HEIGHT = 30;

export function spark(hue) {
  const area = svg("path", { class: "area" });
  const line = svg("path");
  const node = svg("svg", { class: `spark hue${hue % 6}`, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
  const draw = (points) => {
    const values = points.map(([, value]) => Number(value)).filter(Number.isFinite);
    if (values.length < 2) return;
    const low = Math.min(...values);
    const high = Math.max(...values);
    const step = WIDTH / (values.length - 1);
    const y = (value) => (high === low ? HEIGHT / 2 : HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4));
    const path = values.map((value, at) => `${at ? "L" : "M"}${(at * step).toFixed(1)} ${y(value).toFixed(1)}`).join("");
    line.setAttribute("d", path);
    area.setAttribute("d", `${path}L${WIDTH} ${HEIGHT + 4}L0 ${HEIGHT + 4}Z`);
  };
  return { node, draw };
}
