"""Draws the curves of bench/compare/scale as SVG."""

import sys


def require():
    """Ends, and says how to install it, when the library that draws is not there."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        sys.exit("bench/compare: not installed: python3-matplotlib\n"
                 "bench/compare: cmake/install-packages cmake/packages-bench.txt installs it")


def draw(path, title, rows):
    """CPU time per request, and memory of its own, over what grows."""
    import matplotlib
    matplotlib.use("svg")
    # The same figures make the same file.
    matplotlib.rcParams["svg.hashsalt"] = "switchyard"
    from matplotlib import pyplot
    figure, axis = pyplot.subplots(figsize=(6, 3.2))
    points = [point for point, _ in rows]
    axis.plot(points, [row["cpu_us"] for _, row in rows], marker="o", color="#1f6feb")
    if points[-1] / points[0] >= 10:
        axis.set_xscale("log")
    axis.set_xticks(points, [str(point) for point in points])
    axis.minorticks_off()
    axis.set_xlabel(title)
    axis.set_ylabel("CPU time a request [µs]")
    axis.set_ylim(bottom=0)
    axis.grid(True, axis="y", alpha=0.3)
    memory = axis.twinx()
    memory.plot(points, [row["own_kib"] / 1024 for _, row in rows], marker="s", linestyle="--",
                color="#8250df")
    memory.set_ylabel("memory of its own [MiB], dashed")
    memory.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
