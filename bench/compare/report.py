"""Medians, ratios and tables."""

from statistics import median

# Each of ours, and whom it is compared with: the first that took part.
COMPARED = (("switchyard", ("nginx", "haproxy")), ("switchyard-log", ("nginx-log",)))


def ratio(values, floor=0.0):
    """Ours to the better peer, which counts as `floor` at least; None without either."""
    for ours, peers in COMPARED:
        theirs = [values[name] for name in peers if name in values]
        if ours in values and theirs and max(min(theirs), floor) > 0:
            return values[ours] / max(min(theirs), floor)
    return None


def summarise(scenes, names, samples, max_ratio):
    """A row for each scene: medians of every contestant and our ratio to the better peer."""
    rows = []
    for scene in scenes:
        unit = "kib" if scene.idle else "cpu_us"
        row = {"scene": scene.name, "title": scene.title, "unit": unit, "contestants": {}}
        for name in names:
            taken = samples[scene.name].get(name)
            if taken:
                row["contestants"][name] = {key: median(one[key] for one in taken)
                                            for key in taken[0]}
        values = {name: figures[unit] for name, figures in row["contestants"].items()}
        # Memory below a tenth of a KiB a connection is noise: nothing to divide by.
        quotient = ratio(values, 0.1 if scene.idle else 0.0)
        if quotient is not None:
            row["ratio"] = quotient
            row["too_much"] = (max_ratio is not None and not scene.idle
                               and quotient > max_ratio)
        rows.append(row)
    return rows


def _line(cells, widths):
    first = str(cells[0]).ljust(widths[0])
    return "  ".join([first] + [str(cell).rjust(width)
                                for cell, width in zip(cells[1:], widths[1:])])


def table(header, lines):
    widths = [max(len(str(row[i])) for row in [header, *lines]) for i in range(len(header))]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join([_line(header, widths), rule, *(_line(line, widths) for line in lines)])


def _number(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:.0f}"


def tables(rows, names):
    """Two tables as text: the cost with the ratio, and throughput with the 99th percentile and how
    busy the proxy was."""
    cost, speed = [], []
    for row in rows:
        unit = "KiB" if row["unit"] == "kib" else "us"
        cells = [f"{row['title']} [{unit}]"]
        for name in names:
            figures = row["contestants"].get(name)
            cells.append(_number(figures[row["unit"]]) if figures else "")
        cells.append(f"{row['ratio']:.2f}{' !' if row.get('too_much') else ''}"
                     if "ratio" in row else "")
        cost.append(cells)
        if row["unit"] == "kib":
            continue
        cells = [row["title"]]
        for name in names:
            figures = row["contestants"].get(name)
            cells.append(f"{figures['requests_per_second']:.0f} / {figures['p99_us'] / 1e3:.1f} / "
                         f"{100 * figures['busy']:.0f}" if figures else "")
        speed.append(cells)
    parts = ["CPU time of the proxy per request, memory per idle connection "
             "(medians; ratio: switchyard to the better of nginx and haproxy, or the logged ones)\n",
             table(["scene", *names, "ratio"], cost)]
    if speed:
        parts += ["\nRequests per second / p99 latency in ms / percent of its core that the "
                  "proxy used\n", table(["scene", *names], speed)]
    return "\n".join(parts)


def calls_table(calls, scene):
    """System calls per request, one column for each contestant."""
    names = list(calls)
    kinds = sorted({kind for counts in calls.values() for kind in counts},
                   key=lambda kind: -max(counts.get(kind, 0) for counts in calls.values()))
    lines = [[kind, *(f"{calls[name].get(kind, 0):.2f}" for name in names)] for kind in kinds
             if max(counts.get(kind, 0) for counts in calls.values()) >= 0.005]
    lines.append(["all", *(f"{sum(calls[name].values()):.2f}" for name in names)])
    return f"System calls per request: {scene.title}\n\n" + table(["call", *names], lines)
