"use strict";
/* Draws the charts of a report with uPlot, and lets tables be sorted. What is drawn stands in the page as JSON. */
(() => {
  const page = document.documentElement;
  const color = (name) => getComputedStyle(page).getPropertyValue(name).trim();
  const plots = [], list = document.querySelector(".all-runs");

  // -- numbers, as the report writes them
  const digits = (v) => (Math.abs(v) >= 100 ? Math.round(v).toLocaleString("en") : String(+v.toPrecision(3)));
  const write = (v, unit) => {
    if (v == null) return "–";
    if (unit === "ms") return v < 999.5 ? `${Math.round(v)} ms` : `${digits(v / 1000)} s`;
    if (unit === "req/s" && !(v > 0 && v < 0.1)) return `${v.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 })} req/s`;
    return unit ? `${digits(v)} ${unit}` : digits(v);
  };
  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const axisText = (v, unit) =>
    unit === "ms" ? (v === 0 ? "0" : v < 1000 ? `${digits(v)} ms` : `${digits(v / 1000)} s`) : unit === "%" ? (v > 100 ? "" : `${digits(v)} %`) : Math.abs(v) >= 1e4 ? short.format(v) : digits(v);
  const round = (min, max) => {  // 1, 2, 5, 10, 20 ... of a logarithmic axis, or all digits where it is short
    const found = [], digits = max > 20 * min ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 8];
    for (let ten = 10 ** Math.floor(Math.log10(min)); ten <= max; ten *= 10) found.push(...digits.map((n) => n * ten).filter((v) => v >= min && v <= max));
    return max > 1000 * min ? found.filter((v) => /^10*$/.test(String(v))) : found;
  };
  const apart = (u, at) => {  // without those too close to the one before to be read
    let last = -1e9;
    return at.map((v) => { const x = u.valToPos(v, "x"); return x - last < 46 ? null : ((last = x), v); });
  };
  const two = (n) => String(n).padStart(2, "0");
  const since = (s) => (s >= 3600 ? `${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}` : Math.floor(s / 60)) + `:${two(Math.round(s) % 60)}`;
  const clock = (s) => new Date(s * 1000).toISOString().slice(11, 19);

  // -- one chart
  const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  const seriesColor = (spec, s, i) => (s.behind ? color("--behind") : color(`--c${(spec.lead ? i : i - 1) % 14}`));

  const stack = (spec, shown) => {
    const total = new Array(spec.x.length).fill(0);
    const rows = spec.series.map((s, i) => (s.behind || !shown[i] ? s.y : s.y.map((v, n) => (total[n] += v || 0))));
    const visible = spec.series.map((_, i) => i).filter((i) => !spec.series[i].behind && shown[i]);
    const bands = visible.slice(1).map((i, n) => ({ series: [i + 1, visible[n] + 1] }));
    return { rows, bands };
  };

  const lines = (spec) => (u) => {
    const { ctx, bbox } = u, ratio = uPlot.pxRatio;
    ctx.save();
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "left"; ctx.textBaseline = "alphabetic";
    const line = (x0, y0, x1, y1, stroke, dash) => {
      ctx.beginPath(); ctx.strokeStyle = stroke; ctx.lineWidth = 1.5 * ratio; ctx.setLineDash(dash.map((d) => d * ratio));
      ctx.moveTo(x0, y0); ctx.lineTo(x1, y1); ctx.stroke();
    };
    const text = (label, x, y, fill) => {  // on a ground of its own, so that no line runs through it
      const width = ctx.measureText(label).width, pad = 2 * ratio;
      x = Math.max(bbox.left + pad, Math.min(x, bbox.left + bbox.width - width - pad));
      ctx.fillStyle = color("--card"); ctx.globalAlpha = 0.8; ctx.fillRect(x - pad, y - 10 * ratio, width + 2 * pad, 13 * ratio);
      ctx.globalAlpha = 1; ctx.fillStyle = fill; ctx.fillText(label, x, y);
    };
    let row = 0, last = -1e9;
    const labels = [];  // above all lines
    for (const mark of spec.marks || []) {
      const x = u.valToPos(mark.at, "x", true), ink = color(mark.limit ? "--limit" : "--dim");
      if (x < bbox.left - 1 || x > bbox.left + bbox.width + 1) continue;
      line(x, bbox.top, x, bbox.top + bbox.height, ink, mark.limit ? [6, 3] : [2, 3]);
      row = x - last < 90 * ratio ? (row + 1) % 4 : 0; last = x;
      labels.push([mark.label, x + 4 * ratio, bbox.top + (11 + 14 * row) * ratio, ink]);
    }
    for (const limit of spec.limits || []) {
      const ink = color(limit.calm ? "--dim" : "--limit"), label = `${limit.label} ${write(limit.at, spec.unit)}`;
      if (limit.at > u.scales.y.max) { labels.push([`↑ ${label}`, bbox.left + bbox.width, bbox.top + 25 * ratio, ink]); continue; }
      const y = u.valToPos(limit.at, "y", true);
      line(bbox.left, y, bbox.left + bbox.width, y, ink, [6, 3]);
      labels.push([label, spec.kind === "load" ? bbox.left : bbox.left + bbox.width, y - 4 * ratio, ink]);
    }
    for (const label of labels) text(...label);
    ctx.restore();
  };

  const highest = (spec) => (u, min, max) => {
    for (const limit of spec.limits || []) if (limit.at < 3 * max && limit.at > max) max = limit.at;
    return [0, (max || 1) * ((spec.marks || []).length ? 1.2 : 1.08)];
  };

  const withLimits = (spec, min, max) => {  // of a distribution: limits that are not too far away are seen
    const limits = spec.marks.filter((mark) => mark.limit && mark.at > min / 10 && mark.at < max * 10).map((mark) => mark.at);
    return [Math.min(min, ...limits.map((at) => at / 1.2)), Math.max(max, ...limits.map((at) => at * 1.2))];
  };

  const options = (spec, width, onCursor, onZoom) => {
    const right = spec.series.find((s) => s.right), behind = spec.series.find((s) => s.behind);
    const axis = { stroke: () => color("--dim"), grid: { stroke: () => color("--grid"), width: 1 }, ticks: { show: false }, font: "12px system-ui, sans-serif" };
    const xAxis = { ...axis, size: 30, space: 70, grid: { show: false } };
    if (spec.kind === "time") Object.assign(xAxis, { incrs: TIMES, values: (u, at) => at.map(since) });
    if (spec.kind === "runs") Object.assign(xAxis, { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500], space: 90, values: (u, at) => at.map((v) => (spec.names[v] || "").slice(0, 14)) });
    if (spec.kind === "distribution") Object.assign(xAxis, { splits: (u, axis, min, max) => round(min, max), filter: (u, at) => at, values: (u, at) => apart(u, at).map((v) => (v == null ? "" : axisText(v, "ms"))) });
    const second = right ? { scale: "right", side: 1, values: (u, at) => at.map((v) => axisText(v, right.unit)), size: 52, label: right.label }
      : behind ? { scale: "users", side: 1, values: (u, at) => at.map((v) => (v % 1 ? "" : digits(v))), size: 32, label: behind.label } : null;
    return {
      width, height: width < 420 ? 210 : 240, legend: { show: false }, padding: [8, second ? 0 : 14, 0, 0],
      cursor: {
        drag: { x: spec.kind === "time", y: false, setScale: true }, points: { size: 7 },
        sync: spec.kind === "time" ? { key: "time", scales: ["x", null] } : undefined,
      },
      scales: {
        x: spec.kind === "distribution" ? { time: false, distr: 3, range: (u, a, b) => withLimits(spec, a, b) } : { time: false, range: spec.kind === "runs" ? (u, a, b) => [-0.5, b + 0.5] : spec.kind === "load" ? (u, a, b) => [0, b * 1.05] : (u, a, b) => (spec.x.length === 1 || (a === spec.x[0] && b === spec.x[spec.x.length - 1]) ? [0, spec.end] : [a, b]) },
        y: { range: highest(spec) }, users: { range: (u, a, b) => [0, Math.max(1, b) * 1.25] }, right: { range: (u, a, b) => [0, (b || 1) * 1.15] },
      },
      axes: [xAxis, { ...axis, size: 58, values: (u, at) => at.map((v) => axisText(v, spec.unit)) }, ...(second ? [{ ...axis, ...second, grid: { show: false }, labelSize: 16, labelGap: 0, labelFont: axis.font }] : [])],
      series: [{}, ...spec.series.map((s, i) => {
        const ink = () => seriesColor(spec, s, i);
        if (s.behind) return { scale: "users", fill: ink, width: 0, points: { show: false }, paths: uPlot.paths.stepped({ align: -1 }) };
        if (spec.kind === "distribution") return { stroke: ink, width: 1.5, fill: i ? undefined : () => `${ink()}55`, dash: i ? [4, 3] : undefined, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) };
        return { stroke: ink, width: spec.stacked ? 1 : 2, fill: spec.stacked ? () => `${ink()}99` : undefined, scale: s.right ? "right" : "y", spanGaps: spec.kind === "runs", points: spec.kind === "load" || (spec.kind === "runs" && spec.x.length < 60) ? { show: true, size: 6 } : spec.stacked ? { show: false } : {} };
      })],
      hooks: { draw: [lines(spec)], setCursor: [onCursor], setScale: [(u, key) => key === "x" && onZoom(u)] },
    };
  };

  let zooming = false;
  const zoomAll = (source) => {
    if (zooming || source.spec.kind !== "time" || !source.u) return;
    zooming = true;
    const { min, max } = source.u.scales.x;
    for (const plot of plots) if (plot !== source && plot.u && plot.spec.kind === "time") plot.u.setScale("x", { min, max });
    zooming = false;
    const whole = min <= 0 && max >= source.spec.end;
    for (const button of document.querySelectorAll("#unzoom")) button.hidden = whole;
  };
  const unzoom = () => {
    const first = plots.find((plot) => plot.spec.kind === "time");
    if (first) first.u.setScale("x", { min: 0, max: first.spec.end });
  };

  // What an interval had, its beginning had too: so areas begin where the run does. Nothing can be pointed at there.
  const begin = (spec) => {
    spec.first = spec.kind === "time" && spec.x[0] > 0 ? 1 : 0;
    if (!spec.first) return;
    spec.x.unshift(0);
    for (const s of spec.series) s.y.unshift(s.behind || spec.stacked ? s.y[0] : null);
  };

  const draw = (figure, spec) => {
    begin(spec);
    spec.lead = !spec.series.some((s) => s.behind);
    const box = figure.querySelector(".plot"), keys = figure.querySelector(".keys"), where = figure.querySelector(".where");
    const shown = spec.series.map(() => true);
    const plot = { spec, box, u: null };
    const outputs = spec.series.map((s, i) => {
      const key = document.createElement("button"), swatch = document.createElement("i"), value = document.createElement("output");
      key.type = "button"; key.className = "key"; key.setAttribute("aria-pressed", "true");
      swatch.style.background = seriesColor(spec, s, i);
      key.append(swatch, s.label, " ", value);
      key.addEventListener("click", () => {
        shown[i] = !shown[i];
        key.setAttribute("aria-pressed", shown[i]);
        if (spec.stacked) restack();
        plot.u.setSeries(i + 1, { show: shown[i] });
      });
      keys.append(key);
      plot.recolor = [...(plot.recolor || []), () => (swatch.style.background = seriesColor(spec, s, i))];
      return value;
    });
    const restack = () => {
      const { rows, bands } = stack(spec, shown);
      plot.u.delBand(null);
      bands.forEach((band) => plot.u.addBand(band));
      const { min, max } = plot.u.scales.x;
      plot.u.setData([spec.x, ...rows], false);
      plot.u.setScale("x", { min, max });
    };
    // Room for the longest value, so that nothing moves under the pointer; what is stacked has its unit in the title.
    const tell = (s, v) => write(v, s.behind ? "" : s.unit || spec.unit).replace(spec.stacked ? /[^\d]*$/ : "", "");
    spec.series.forEach((s, i) => (outputs[i].style.minWidth = `${Math.min(12, Math.max(...s.y.map((v) => tell(s, v).length)))}ch`));
    const onCursor = (u) => {
      const n = u.cursor.idx == null ? null : Math.max(spec.first, u.cursor.idx);
      spec.series.forEach((s, i) => (outputs[i].textContent = n == null ? "\u00a0" : tell(s, s.y[n])));
      where.textContent = n == null ? "\u00a0" : spec.kind === "time" ? `${since(spec.x[n])} (${clock(spec.start + spec.x[n])} UTC)`
        : spec.kind === "runs" ? spec.names[n] : spec.kind === "load" ? `${digits(spec.x[n])} ${spec.load}` : `from ${write(spec.x[n], "ms")} to ${write(spec.x[n + 1], "ms")}`;
    };
    const opts = options(spec, box.clientWidth, onCursor, () => zoomAll(plot));
    const first = spec.stacked ? stack(spec, shown) : { rows: spec.series.map((s) => s.y), bands: [] };
    opts.bands = first.bands;
    plot.u = new uPlot(opts, [spec.x, ...first.rows], box);
    onCursor(plot.u);
    const index = () => plot.u.cursor.idx ?? -1;
    const go = (n) => {
      n = Math.max(spec.first, Math.min(spec.x.length - 1, n));
      const y = spec.series.find((s, i) => !s.behind && shown[i]);
      plot.u.setCursor({ left: plot.u.valToPos(spec.x[n], "x"), top: y ? plot.u.over.clientHeight / 2 : 0 }, true, true);
    };
    const zoom = (factor) => {
      if (spec.kind !== "time") return;
      const { min, max } = plot.u.scales.x, middle = index() < 0 ? (min + max) / 2 : spec.x[index()], half = ((max - min) * factor) / 2;
      plot.u.setScale("x", { min: Math.max(0, middle - half), max: Math.min(spec.end, middle + half) });
    };
    const moves = { ArrowRight: () => go(index() + 1), ArrowLeft: () => go(index() < 0 ? spec.x.length : index() - 1), Home: () => go(0), End: () => go(spec.x.length), "+": () => zoom(0.5), "-": () => zoom(2), 0: unzoom, Escape: () => plot.u.setCursor({ left: -10, top: -10 }) };
    box.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !moves[event.key]) return;
      moves[event.key]();
      event.preventDefault();
    });
    plots.push(plot);
  };

  // A history may have hundreds of charts: those far below are drawn when somebody comes near.
  const SOON = 12;
  const later = new IntersectionObserver((entries) => entries.forEach((entry) => entry.isIntersecting && start(entry.target)), { rootMargin: "1000px" });
  const waiting = new Set();
  const start = (figure) => {
    later.unobserve(figure);
    if (!waiting.delete(figure)) return;
    draw(figure, JSON.parse(document.getElementById(figure.dataset.chart).textContent));
    follow.observe(plots[plots.length - 1].box);
  };
  for (const button of document.querySelectorAll("#unzoom")) button.addEventListener("click", unzoom);

  // -- sizes, colours and paper
  const fit = (plot, width) => width > 0 && width !== plot.u.width && plot.u.setSize({ width, height: width < 420 ? 210 : 240 });
  const follow = new ResizeObserver((entries) => {
    if (!page.dataset.print) for (const entry of entries) fit(plots.find((plot) => plot.box === entry.target), Math.floor(entry.contentRect.width));
  });
  document.querySelectorAll("figure[data-chart]").forEach((figure, n) => {
    waiting.add(figure);
    if (n < SOON || !list) start(figure);
    else later.observe(figure);
  });
  const recolor = () => plots.forEach((plot) => { plot.recolor.forEach((paint) => paint()); plot.u.redraw(false, true); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolor);
  let opened = [];
  addEventListener("beforeprint", () => {
    page.dataset.print = "yes";
    [...waiting].forEach(start);
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((details) => (details.open = true));
    plots.forEach((plot) => fit(plot, 330));
    recolor();
  });
  addEventListener("afterprint", () => {
    delete page.dataset.print;
    opened.forEach((details) => (details.open = false));
    plots.forEach((plot) => fit(plot, plot.box.clientWidth));
    recolor();
  });

  // -- two runs of a history side by side
  const side = document.getElementById("side");
  const comparisons = JSON.parse((document.getElementById("comparisons") || { textContent: "{}" }).textContent);
  const link = document.getElementById("compared");
  const show = () => {
    const picks = [...list.querySelectorAll("input.pick")];
    const picked = picks.filter((box) => box.checked).sort((a, b) => b.dataset.run - a.dataset.run);
    const [newer, older] = picked.map((box) => box.closest("tr")), all = picked.length;
    for (const box of picks) box.disabled = all === 2 && !box.checked;
    side.hidden = all !== 2;
    const page = all === 2 ? comparisons[`${picked[1].dataset.run} ${picked[0].dataset.run}`] : undefined;
    link.hidden = !page;
    if (page) link.href = page;
    document.getElementById("picked").textContent = all !== 2 ? "pick two runs in the first column."
      : page ? "" : `to see whether a change is more than chance, make the page of both: python -m chaterload.report DIR --compare ${picked[1].dataset.folder} ${picked[0].dataset.folder}`;
    if (all !== 2) return;
    const cell = (tag, text, kind) => { const made = document.createElement(tag); made.textContent = text; made.className = kind || ""; return made; };
    const line = (cells) => { const row = document.createElement("tr"); row.append(...cells); return row; };
    const heads = [...newer.closest("table").tHead.rows[0].cells].map((head) => head.textContent);
    const body = heads.flatMap((head, n) => {
      if (!n || !(older.cells[n].textContent || newer.cells[n].textContent)) return [];
      const [was, is] = [older, newer].map((row) => row.cells[n].dataset.v ?? "");
      const change = was > 0 && is !== "" ? `${is - was > 0 ? "+" : ""}${Math.round((100 * (is - was)) / was)} %` : "";
      const name = cell("th", head); name.scope = "row";
      return [line([name, cell("td", older.cells[n].textContent, "n"), cell("td", newer.cells[n].textContent, "n"), cell("td", change, "n")])];
    });
    const table = side.querySelector("table");
    table.tHead.replaceChildren(line([cell("th", "Figure"), cell("th", "Before", "n"), cell("th", "Now", "n"), cell("th", "Change", "n")]));
    table.tBodies[0].replaceChildren(...body);
  };
  if (list) {
    list.addEventListener("change", show);
    show();
    document.getElementById("pick").hidden = list.querySelectorAll("input.pick").length < 2;
    const all = document.getElementById("all");
    if (all) all.addEventListener("click", () => { list.querySelector("tbody").append(document.getElementById("older").content); all.remove(); show(); });
  }

  // -- tables
  const value = (row, n) => { const cell = row.cells[n]; return cell.dataset.v ?? cell.textContent.trim(); };
  const compare = (a, b) => (a !== "" && b !== "" && !isNaN(a) && !isNaN(b) ? a - b : String(a).localeCompare(String(b)));
  for (const head of document.querySelectorAll("table.sorts thead th")) {
    const title = head.textContent, button = document.createElement("button");
    if (!title) continue;
    button.type = "button"; button.className = "sort"; button.textContent = title;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending", body = head.closest("table").tBodies[0], n = head.cellIndex;
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * compare(value(a, n), value(b, n))));
    });
  }
})();
