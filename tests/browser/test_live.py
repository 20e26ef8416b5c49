"""Runs that go on while the panel is used: behind a cell, and with a cell waiting for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steps import PANEL, button, menu, opened, rows_in, run_all

if TYPE_CHECKING:  # pytest loads it as a plugin, and wants to be the first to
    from fix_lab import Lab, Picture, Watched

pytest_plugins = ("fix_lab",)

LOAD = """%load_ext workbench
import pandas as pd, numpy as np
n = 3_000
flights = pd.DataFrame({
    'carrier': pd.Series(['UA', 'AA', None, 'B6', 'DL', ''] * n)[:n],
    'dep_delay': np.arange(n) * 1.5 - 20,
    'distance': np.where(np.arange(n) % 500 == 3, 0, 1400 - np.arange(n) % 1000),
})"""
LIVE = """%%udf delay_ratio(dep_delay DOUBLE, distance BIGINT) -> DOUBLE --sample flights --live --rate 500 --loop \
--on-error dead_letter
def evaluate(dep_delay, distance):
    if distance == 0:
        print('no distance, delay', dep_delay)
    return dep_delay / distance"""
SLOW = """%%udf slow(a BIGINT) -> BIGINT --sample numbers --batch-rows 1
import time
def evaluate(a):
    time.sleep(0.05)
    return a + 1"""
NUMBERS = "%load_ext workbench\nimport pandas as pd\nnumbers = pd.DataFrame({'a': range(400)})"


def test_a_stream_is_paused_stepped_killed_and_restarted(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Every button acts while the rows go on, and the state's word follows; the newest rows are in sight."""
    lab.write("live.ipynb", LOAD, LIVE)
    panel = run_all(opened(lab, watched, "live.ipynb"), done=False)
    state = panel.locator(".st")
    panel.locator(".found", has_text="the newest").or_(panel.locator(".found", has_text="rows")).first.wait_for()
    watched.page.wait_for_timeout(1500)
    picture(panel, "live-output-light")
    button(panel, "pause").click()
    panel.locator(".st", has_text="paused").wait_for()
    picture(panel, "live-paused-light")
    before = rows_in(panel)
    button(panel, "step").click()
    panel.locator(".live", has_text="one batch more").wait_for()
    panel.locator(".foot span", has_text=f"in {before + 50:,} rows").wait_for()
    button(panel, "run").click()
    panel.locator(".st", has_text="running").wait_for()
    button(panel, "kill").click()
    panel.get_by_role("tab", name="History").click()
    panel.get_by_role("button", name="crashed").wait_for()
    panel.get_by_role("button", name="restarted").wait_for()
    picture(panel, "live-history-light")
    button(panel, "replay").click()
    panel.locator(".live", has_text="0 without an error").wait_for()
    panel.get_by_role("slider").fill("40")
    panel.locator(".live", has_text="10,000 rows/s").wait_for()
    button(panel, "stop").click()
    panel.locator(".st", has_text="closed").wait_for()
    button(panel, "run").click()
    panel.locator(".st", has_text="running").wait_for()
    assert state.inner_text() == "● running"
    button(panel, "stop").click()
    panel.locator(".st", has_text="closed").wait_for()
    panel.get_by_role("tab", name="Code").focus()
    watched.page.keyboard.press("Control+s")
    lab.saved("live.ipynb", "it goes on behind the cell")


def test_a_stream_by_keyboard_in_the_dark(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Buttons, slider and tabs are reached by Tab and worked by Space and arrows; without a kernel the text stands."""
    lab.write("keys.ipynb", LOAD, LIVE)
    lab.theme("JupyterLab Dark")
    try:
        panel = run_all(opened(lab, watched, "keys.ipynb"), done=False)
        keyboard = watched.page.keyboard
        button(panel, "pause").focus()
        keyboard.press("Space")
        panel.locator(".st", has_text="paused").wait_for()
        button(panel, "step").focus()
        keyboard.press("Enter")
        panel.locator(".live", has_text="one batch more").wait_for()
        panel.get_by_role("slider").focus()
        keyboard.press("End")
        panel.locator(".live", has_text="as fast as it goes").wait_for()
        keyboard.press("ArrowLeft")
        panel.locator(".live", has_text="1,000,000 rows/s").wait_for()
        keyboard.press("Tab")
        assert watched.page.evaluate("document.activeElement.getAttribute('role')") == "tab"
        button(panel, "run").focus()
        keyboard.press("Space")
        panel.locator(".st", has_text="running").wait_for()
        panel.locator(".found", has_text="the newest").wait_for()
        picture(panel, "live-output-dark")
        for tab in ("Metrics", "History", "Dead letters"):
            panel.get_by_role("tab", name=tab).click()
            picture(panel, f"live-{tab.lower().replace(' ', '-')}-dark")
    finally:
        lab.theme("JupyterLab Light")
    button(panel, "stop").click()
    panel.locator(".st", has_text="closed").wait_for()  # a kernel that ends in the middle of a message garbles it
    watched.page.keyboard.press("Control+s")
    lab.saved("keys.ipynb", "it goes on behind the cell")
    lab.end_kernels()
    watched.page.goto(f"{lab.url}/lab/tree/keys.ipynb?reset")
    watched.page.locator(".udf-wb", has_text="it goes on behind the cell").wait_for()


def test_the_rows_of_a_run_cost_little(lab: Lab, watched: Watched) -> None:
    """100,000 rows are in the grid when their run is over, and took the websocket less than 100 KB."""
    load = "%load_ext workbench\nimport pandas as pd\nnumbers = pd.DataFrame({'a': range(100_000)})"
    cell = "%%udf one(a BIGINT) -> BIGINT --sample numbers\ndef evaluate(a):\n    return a"
    received: list[int] = []

    def listen(socket: Any) -> None:
        socket.on("framereceived", lambda frame: received.append(len(frame)))

    watched.page.on("websocket", listen)
    lab.write("many.ipynb", load, cell, cell.replace("return a", "return a + 1"))
    run_all(opened(lab, watched, "many.ipynb"), done=False)
    panel = watched.page.locator(PANEL).nth(1)
    panel.locator(".found", has_text="100,000 rows").wait_for()
    panel.get_by_role("gridcell").first.wait_for()
    state = watched.page.evaluate("performance.now()")
    before = sum(received)
    button(panel, "run").click()
    panel.locator(".live", has_text="runs again").wait_for()
    panel.locator(".st", has_text="completed").wait_for()
    done = watched.page.evaluate("performance.now()")
    panel.locator(".found", has_text="100,000 rows").filter(has_not_text="newest").wait_for()
    panel.get_by_role("gridcell", name="12", exact=True).first.wait_for()
    shown = watched.page.evaluate("performance.now()")
    print(f"\n100,000 rows: {sum(received) - before:,} bytes; run {done - state:.0f} ms, then {shown - done:.0f} ms")
    assert sum(received) - before < 100_000


PAYLOADS = (
    *("<script>{}</script>", "<img src=x onerror={}>", "<svg onload={}>", "<svg><script>{}</script></svg>"),
    *(
        "<body onload={}>",
        '<iframe src="javascript:{}"></iframe>',
        '<a href="javascript:{}">x</a>',
        "<input autofocus onfocus={}>",
    ),
    *(
        "<details open ontoggle={}>",
        "<video><source onerror={}></video>",
        "<audio src=x onerror={}>",
        '<object data="javascript:{}">',
    ),
    *(
        '<embed src="javascript:{}">',
        '<math href="javascript:{}">x</math>',
        '"><script>{}</script>',
        "'><script>{}</script>",
    ),
    *(
        "</td></table><script>{}</script>",
        "</style><script>{}</script>",
        "</textarea><script>{}</script>",
        "</pre><script>{}</script>",
    ),
    *("</title><script>{}</script>", "--><script>{}</script>", "]]><script>{}</script>", '" onmouseover="{}'),
    *("' onmouseover='{}", "` onmouseover=`{}", "javascript:{}", "data:text/html,<script>{}</script>"),
    *(
        "<marquee onstart={}>",
        "<style>@import 'javascript:{}'</style>",
        '<link rel=stylesheet href="javascript:{}">',
        '<base href="javascript:{}//">',
    ),
    *(
        '<form action="javascript:{}"><button>x</button></form>',
        "<button onclick={}>x</button>",
        "<template><script>{}</script></template>",
    ),
    *(
        '<noscript><p title="</noscript><img src=x onerror={}>">',
        "<scr<script>ipt>{}</scr</script>ipt>",
        "&lt;script&gt;{}&lt;/script&gt;",
    ),
    *("$" + "{{{}}}", "{{{{constructor.constructor('{}')()}}}}"),
)


def test_forty_hostile_texts_stay_texts(lab: Lab, watched: Watched) -> None:
    """In cells, names of columns, dead letters, errors and logs of a stream; nothing of them becomes an element."""
    hostile = [text.format("window.struck=1") for text in PAYLOADS]
    assert len(hostile) == len(set(hostile)) == 40
    load = f"%load_ext workbench\nimport pandas as pd\ntexts = {hostile!r}\n"
    load += "frame = pd.DataFrame({'s': texts, **{text: 1 for text in texts}})"
    cell = (
        "%%udf echo(s STRING) -> STRING --sample frame --on-error dead_letter{}\n"
        "def evaluate(s):\n    print(s)\n    if len(s) % 2:\n        raise ValueError(s)\n    return s"
    )
    fail = "%%udf fails(s STRING) -> STRING --sample frame\ndef evaluate(s):\n    raise ValueError(s)"
    live = cell.format(" --live --rate 400 --loop").replace("echo", "stream")
    lab.write("hostile40.ipynb", load, cell.format(""), live, fail)
    run_all(opened(lab, watched, "hostile40.ipynb"), done=False)
    watched.page.on("dialog", lambda dialog: watched.errors.append(f"a dialog: {dialog.message}"))
    panels = watched.page.locator(PANEL)
    panels.nth(2).locator(".err").wait_for()
    for index in range(3):
        panel = panels.nth(index)
        for tab in panel.get_by_role("tab").all():
            tab.click()
            assert panel.locator("img, script, iframe, a, embed, object, video, audio, math, form").count() == 0
    assert watched.page.evaluate("window.struck") is None


def test_a_run_that_its_cell_waits_for(lab: Lab, watched: Watched, picture: Picture) -> None:
    """Rows and counts arrive before the cell is done; it is paused, stepped, resumed; an interrupt keeps the worker."""
    lab.write("slow.ipynb", NUMBERS, SLOW)
    panel = run_all(opened(lab, watched, "slow.ipynb"), done=False)
    panel.locator(".found", has_text="rows").wait_for()
    button(panel, "pause").click()
    panel.locator(".st", has_text="paused").wait_for()
    button(panel, "step").click()
    button(panel, "run").click()
    panel.locator(".st", has_text="running").wait_for()
    picture(panel, "blocking-light")
    menu(watched.page, "Kernel", "Interrupt Kernel")
    panel.locator(".st", has_text="interrupted").wait_for()
    panel.locator(".facts", has_text="idle pid").wait_for()
    assert panel.get_by_role("gridcell").count() > 0
