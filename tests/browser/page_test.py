"""The report's page in a real browser.

usage: page_test.py PAGE HOSTILE [PICTURES]

PAGE is a report of a run with maps, masks and a plan; HOSTILE one whose names are HTML. With
PICTURES, a folder, the page is photographed there: light, dark, phone.
"""

import os
import sys
import tempfile
import time

from webdriver import Browser, Failure

READY = "!document.getElementById('maps') || document.getElementById('maps').dataset.ready"
bad = 0


def check(name, holds, found=""):
    global bad
    print(f"ok {name}" if holds else f"not ok {name}: {found}")
    bad |= not holds


def load(browser, page):
    browser.open(page)
    browser.wait(READY)


def figures(browser):
    """Every figure has something in it that stands for a number, on paper of some size."""
    empty = browser.run("""
        return [...document.querySelectorAll('figure')].filter((f) => !f.hidden).filter((f) => {
            const canvas = f.querySelector('canvas'), box = f.getBoundingClientRect();
            if (box.width < 100 || box.height < 60) return true;
            if (!canvas) return f.querySelectorAll('svg .mark title').length === 0;
            const context = canvas.getContext('2d'), colours = new Set();
            const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
            for (let i = 0; i < data.length; i += 4)
                colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
            return colours.size < 2;
        }).map((f) => f.querySelector('h3').textContent);""")
    count = browser.run("return document.querySelectorAll('figure').length")
    check("every figure has marks", count > 5 and not empty, f"{count} figures, empty: {empty}")
    outside = browser.run("""
        return [...document.querySelectorAll('svg')].filter((s) => {
            const all = s.getBoundingClientRect();
            return [...s.querySelectorAll('.mark')].some((m) => {
                const box = m.getBoundingClientRect();
                return box.left < all.left - 1 || box.right > all.right + 1
                    || box.bottom > all.bottom + 1;
            });
        }).map((s) => s.getAttribute('aria-label'));""")
    check("no mark is outside its figure", not outside, outside)


def words(browser):
    """What a screen reader is told."""
    silent = browser.run("""
        const named = (e) => (e.getAttribute('aria-label') || e.textContent || '').trim();
        const title = (e) => document.getElementById(e.getAttribute('aria-labelledby'));
        const parts = 'svg, canvas[role], button, section, [role=grid], nav';
        return [...document.querySelectorAll(parts)]
            .filter((e) => !e.closest('[hidden]') && e.localName !== 'section' ? !named(e)
                : e.localName === 'section' && !title(e))
            .map((e) => e.outerHTML.slice(0, 80));""")
    check("everything has a name", not silent, silent)
    doubled = browser.run("""
        const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
        return ids.filter((id, i) => ids.indexOf(id) !== i);""")
    check("no id twice", not doubled, doubled)
    levels = browser.run(
        "return [...document.querySelectorAll('h1,h2,h3,h4')].map((h) => +h.localName[1])"
    )
    check(
        "no level of headings is left out",
        levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:])),
        levels,
    )


CONTRAST = """
    const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const light = (colour) => {
        probe.fillStyle = colour;
        probe.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name);
    const ratio = (a, b) => {
        const [x, y] = [light(of(a)), light(of(b))].sort((p, q) => q - p);
        return (x + 0.05) / (y + 0.05);
    };
    return [Math.min(ratio('--ink', '--card'), ratio('--quiet', '--card'),
                     ratio('--quiet', '--paper'), ratio('--accent', '--accent-soft'),
                     ratio('--ink', '--accent-soft')),
            Math.min(...[0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => ratio('--c' + i, '--card')))];"""


def themes(browser):
    """The system's choice, then the button's."""
    paper = "return getComputedStyle(document.body).backgroundColor"
    seen = {}
    for scheme in ("light", "dark"):
        browser.prefer(scheme)
        seen[scheme] = browser.run(paper)
        text, marks = browser.run(CONTRAST)
        check(f"{scheme}: text stands out", text >= 4.5, f"contrast {text:.2f}, wanted 4.5")
        check(f"{scheme}: marks stand out", marks >= 2.0, f"contrast {marks:.2f}, wanted 2.0")
    check("the system's theme is taken", seen["light"] != seen["dark"], seen)
    browser.prefer("light")
    browser.wait("document.getElementById('theme').textContent === 'Dark'")
    mask = "return document.querySelector('figure[data-view=mask] canvas').toDataURL()"
    before = browser.run(mask)
    browser.click("#theme")
    check("the button changes the theme", browser.run(paper) == seen["dark"], browser.run(paper))
    check("and the maps with it", browser.run(mask) != before)
    browser.run("location.reload()")
    browser.wait(READY)
    check("the theme is remembered", browser.run(paper) == seen["dark"], browser.run(paper))
    browser.click("#theme")
    check("and back", browser.run(paper) == seen["light"], browser.run(paper))


def heads(browser):
    """By pointer and by keyboard."""

    def now():
        return browser.run(
            """return [document.querySelector('figure[data-view=polarized] canvas').toDataURL(),
                           document.getElementById('map-summary').textContent]"""
        )

    first = now()
    browser.click("#map-heads button[data-layer='1'][data-head='1']")
    second = now()
    check(
        "a click shows another head",
        first[0] != second[0] and "Layer 1, head 1" in second[1],
        second[1],
    )
    browser.press("#map-heads button[aria-selected=true]", "\ue012")  # left
    third = now()
    check(
        "an arrow shows the head beside it",
        third[0] != second[0] and "Layer 1, head 0" in third[1],
        third[1],
    )
    check("it has the focus", browser.run("return document.activeElement.dataset.head") == "0")
    browser.press("#map-heads button[aria-selected=true]", "\ue013")  # up
    check("back where it began", now() == first, now()[1])
    width = (
        "return document.querySelector('figure[data-view=mask]"
        " canvas').getBoundingClientRect().width"
    )
    before = browser.run(width)
    browser.press("#map-zoom", "\ue014\ue014")  # right, twice
    check("zoom", 1.8 < browser.run(width) / before < 2.1, f"{before} -> {browser.run(width)}")
    check(
        "what is zoomed scrolls inside its frame",
        browser.run(
            "return document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ),
    )
    denser = browser.run("""
        const canvas = document.querySelector('figure[data-view=polarized] canvas');
        const context = canvas.getContext('2d');
        const d = context.getImageData(0, 0, canvas.width, canvas.height).data;
        const blue = (x) => {
            for (let y = 0; y < canvas.height; y++) {
                const i = 4 * (y * canvas.width + x);
                if (d[i + 2] - d[i] > 30) return true;
            }
            return false;
        };
        return [...Array(canvas.width).keys()].filter(blue).length;""")
    globals_ = int(first[1].split(", ")[-1].split()[0])
    check(
        "the denser part is marked",
        denser == globals_,
        f"{denser} blue columns, {globals_} global tokens",
    )


def exports(browser, folder):
    """Each kind of figure as both kinds of file."""

    def wait_for(end):
        """What was downloaded: its name is there, and empty, while the browser still writes it."""
        for _ in range(100):
            names = os.listdir(folder)
            found = [f for f in names if f.endswith(end)]
            if found and not any(f.endswith(".crdownload") for f in names):
                with open(os.path.join(folder, found[0]), "rb") as file:
                    data = file.read()
                if data:
                    return data
            time.sleep(0.1)
        return b""

    for which in ("figure[data-view=mask]", "#figure-1"):
        for kind in ("svg", "png"):
            browser.click(f"{which} [data-export={kind}]")
            data = wait_for("." + kind)
            good = (
                data.startswith(b"\x89PNG")
                if kind == "png"
                else data.startswith(b"<svg") and b"var(" not in data
            )
            check(f"{which} as {kind}", good and len(data) > 100, data[:60])
            for name in os.listdir(folder):
                os.remove(os.path.join(folder, name))


def narrow(browser, page):
    browser.phone()
    load(browser, page)
    size = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    check("a phone scrolls down only", size[0] <= 390 and size[1] == 390, size)
    small = browser.run("""
        return [...document.querySelectorAll('svg text')]
            .filter((t) => t.getBoundingClientRect().height < 10).length""")
    check("its letters are not tiny", small == 0, f"{small} texts")


def hostile(browser, page):
    load(browser, page)
    text = browser.run("return document.body.innerText")
    check("a hostile name shows as text", "<script>" in text and "<img" in text, text[:200])
    check("and does nothing", browser.run("return window.harmed === undefined"))
    check(
        "nor becomes an element",
        browser.run("return document.querySelectorAll('img, b i').length") == 0,
    )


def photograph(page, folder):
    os.makedirs(folder, exist_ok=True)
    with Browser() as browser:
        for name, scheme in (("light", "light"), ("dark", "dark"), ("phone", "light")):
            browser.prefer(scheme)
            if name == "phone":
                browser.phone()
            load(browser, page)
            browser.screenshot(os.path.join(folder, name + ".png"))


def main(page, nasty, pictures=None):
    with tempfile.TemporaryDirectory() as folder, Browser(downloads=folder) as browser:
        browser.prefer("light")
        load(browser, page)
        figures(browser)
        words(browser)
        heads(browser)
        exports(browser, folder)
        themes(browser)
        paper = browser.pdf()
        check("it prints", paper.startswith(b"%PDF") and len(paper) > 20000, f"{len(paper)} bytes")
        narrow(browser, page)
        hostile(browser, nasty)
        asked = browser.run(
            "return performance.getEntriesByType('resource').map((e) => e.name)"
            ".filter((n) => !n.startsWith('data:') && !n.startsWith('blob:'))"
        )
        check("nothing is fetched", not asked, asked)
        errors = browser.errors()
        check("nothing in the console", not errors, errors)
    if pictures:
        photograph(page, pictures)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Failure as failure:
        check("the browser does as it is told", False, failure)
    sys.exit(1 if bad else 0)
