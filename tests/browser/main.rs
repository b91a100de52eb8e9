//! The map in a real browser: opened from disk in headless Chromium, hovered, searched, filtered, looked at.
//!
//! Without a Chromium the tests say that they were skipped; with `SKERRY_REQUIRE_BROWSER=1` they fail instead.

#![allow(clippy::unwrap_used, reason = "tests")]

mod chromium;
mod fixture;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use chromium::Browser;
use fixture::{ALL, EACH, HOSTILE, NOISE, TOPICS};

fn browser() -> Option<PathBuf> {
    let found = chromium::find();
    if found.is_none() {
        assert!(
            std::env::var_os("SKERRY_REQUIRE_BROWSER").is_none_or(|value| value != "1"),
            "SKERRY_REQUIRE_BROWSER is set, and there is no Chromium: install it, or name it with SKERRY_CHROMIUM"
        );
        test_support::skip("there is no Chromium (name one with SKERRY_CHROMIUM)");
    }
    found
}

/// Where row `row` is in the window.
fn place(browser: &mut Browser, row: usize) -> Result<(f64, f64)> {
    let at = browser.eval(&format!(
        "(() => {{ const {{ camera, data, stage }} = skerry; const box = stage.getBoundingClientRect(); \
         const [x, y] = camera.toScreen(data.x[{row}], data.y[{row}]); return [x + box.left, y + box.top]; }})()"
    ))?;
    Ok((at[0].as_f64().unwrap(), at[1].as_f64().unwrap()))
}

/// How many colors the map part of a screenshot has: a blank one has one.
fn colors(png: &[u8], from_x: u32) -> usize {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let bytes = info.color_type.samples();
    let line = info.width as usize * bytes;
    pixels[..info.buffer_size()]
        .chunks(line)
        .flat_map(|line| {
            line[from_x as usize * bytes..]
                .chunks(bytes)
                .map(|pixel| [pixel[0], pixel[1], pixel[2]])
        })
        .collect::<std::collections::BTreeSet<_>>()
        .len()
}

const SHOWN: &str = "document.getElementById('shown').textContent";
const CARD: &str = "document.getElementById('card')";

#[test]
fn the_map_works_from_disk_without_a_network() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    let report = fixture::draw(dir.path(), "News of the coast", false)?;
    assert_eq!(
        (report.rows, report.topics, report.noise),
        (ALL, TOPICS, NOISE)
    );
    let mut browser = Browser::start(&program, true, 1400, 900)?;
    browser.open(&dir.path().join("map.html"))?;

    // It is there, drawn by WebGL2, in its own language and under its own title.
    assert_eq!(browser.eval("skerry.points.kind")?, "webgl2");
    assert_eq!(
        browser.eval("[document.title, document.documentElement.lang]")?,
        json!(["News of the coast", "en"])
    );
    let subtitle = browser.eval("document.getElementById('subtitle').textContent")?;
    assert_eq!(subtitle, format!("{ALL} texts \u{b7} {TOPICS} topics"));
    let noise = browser.eval("document.getElementById('noise-count').textContent")?;
    assert!(
        noise
            .as_str()
            .unwrap()
            .starts_with(&format!("{NOISE} texts in no topic")),
        "{noise}"
    );
    assert!(
        colors(&browser.screenshot()?, 345) > 100,
        "the map is blank"
    );

    // The data fill the space beside the panel, at one scale; no name lies on another.
    let filled = browser.eval(
        "(() => { const { camera: c, data: d } = skerry; const side = (v) => Math.max(...v) - Math.min(...v); \
         return side(d.x) * c.scale * side(d.y) * c.scale / (c.width * c.height); })()",
    )?;
    assert!(
        filled.as_f64().unwrap() > 0.6,
        "the points fill {filled} of the map"
    );
    let overlaps = browser.eval(
        "skerry.labels.placed.flatMap((a, i) => skerry.labels.placed.slice(0, i).filter((b) => a.box[0] < b.box[2] && \
         b.box[0] < a.box[2] && a.box[1] < b.box[3] && b.box[1] < a.box[3])).length",
    )?;
    assert_eq!(overlaps, 0);
    assert_eq!(browser.eval("skerry.labels.placed.length")?, TOPICS);

    hover_and_pin(&mut browser)?;
    search(&mut browser)?;
    filter(&mut browser)?;
    keys_and_address(&mut browser)?;

    assert_eq!(browser.faults()?, Vec::<String>::new());
    assert_eq!(
        browser.requests(),
        1,
        "the page asks for nothing but itself"
    );
    Ok(())
}

#[test]
fn coarse_layers_are_labeled_if_topics_do_not_fit() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    fixture::draw_layered(dir.path())?;
    let coarse = "skerry.labels.placed.filter((p) => p.item.coarse).map((p) => p.item.name).sort()";
    // A large window has room for the names of all eight topics, and coarse ones would be in the way.
    let mut browser = Browser::start(&program, true, 1400, 900)?;
    browser.open(&dir.path().join("map.html"))?;
    browser.wait_for("skerry.labels.placed.length > 2")?;
    assert_eq!(browser.eval(coarse)?, json!([]));
    let mut browser = Browser::start(&program, true, 780, 340)?;
    browser.open(&dir.path().join("map.html"))?;
    browser.wait_for("skerry.labels.placed.length > 2")?;
    assert_eq!(browser.eval(coarse)?, json!(["part 10", "part 11"]));
    let closer = |zoom: u8| {
        format!(
            "(() => {{ const {{ x, y }} = skerry.labels.items.find((item) => item.name === 'part 02'); \
             skerry.flyTo(x, y, skerry.camera.homeScale * {zoom}); }})()"
        )
    };
    browser.eval(&closer(3))?;
    browser.wait_for(&format!("{coarse}.includes('part 02')"))?;
    assert_eq!(
        browser.eval(&format!(
            "{coarse}.filter((name) => name.startsWith('part 1'))"
        ))?,
        json!([])
    );
    browser.eval(&closer(8))?;
    browser.wait_for(&format!(
        "skerry.labels.placed.length > 0 && {coarse}.length === 0"
    ))?;
    // A topic says what it is part of.
    browser.eval("skerry.pin(13)")?;
    browser.wait_for(&format!("{CARD}.textContent.includes('part of part 02')"))?;
    assert_eq!(browser.faults()?, Vec::<String>::new());
    Ok(())
}

fn hover_and_pin(browser: &mut Browser) -> Result<()> {
    let row = 13;
    let (x, y) = place(browser, row)?;
    browser.point_at(x, y)?;
    browser.wait_for(&format!(
        "!{CARD}.hidden && {CARD}.textContent.includes('caf\u{e9} owners')"
    ))?;
    // What is under the pointer may be a point on top of the one asked for: the card tells which.
    let card = browser.eval(&format!("[skerry.card.row, {CARD}.textContent]"))?;
    let words = card[1].as_str().unwrap();
    ensure!(
        words.contains(&format!("News number {}", card[0]))
            && words.contains(&format!("{EACH} texts")),
        "{words}"
    );
    ensure!(
        words.contains("kind") && words.contains("2024-03-") && words.contains("90 %"),
        "fields are missing: {words}"
    );
    ensure!(!words.contains("0.") || words.contains("score"), "{words}");
    let inside = browser.eval(&format!(
        "(() => {{ const b = {CARD}.getBoundingClientRect(); \
         return b.left >= 340 && b.top >= 0 && b.right <= innerWidth && b.bottom <= innerHeight && b.width <= 400; }})()"
    ))?;
    ensure!(inside == true, "the card hangs out of the window");

    browser.click(x, y)?;
    browser.wait_for(&format!(
        "skerry.state.pinned >= 0 && {CARD}.querySelectorAll('.near li').length === 5"
    ))?;
    browser.wait_for("location.hash.includes('pin=')")?;
    browser.eval("skerry.pin(-1)")?;
    browser.wait_for(&format!("{CARD}.hidden"))
}

fn search(browser: &mut Browser) -> Result<()> {
    browser.eval("document.getElementById('search').focus()")?;
    // Accents and case make no difference.
    browser.type_text("Cafe VIOLIN")?;
    browser.wait_for("document.getElementById('hit-count').textContent.includes('found')")?;
    let found = browser.eval("document.getElementById('hit-count').textContent")?;
    ensure!(found == format!("{EACH} texts found"), "{found}");
    let marks = browser.eval(
        "[...document.querySelectorAll('#hit-list li:first-child mark')].map((m) => m.textContent)",
    )?;
    ensure!(marks == json!(["violin", "caf\u{e9}"]), "{marks}");
    let first = browser.eval("document.querySelector('#legend .name').textContent")?;
    ensure!(first == format!("violin makers{EACH} / {EACH}"), "{first}");
    browser.eval("document.querySelector('#hit-list button').click()")?;
    browser
        .wait_for("skerry.state.pinned === skerry.search.rows[0] && skerry.camera.zoom > 4.9")?;
    browser.eval("skerry.pin(-1); document.getElementById('search-clear').click(); document.getElementById('home').click()")?;
    browser.wait_for("document.getElementById('hits').hidden && skerry.camera.isHome")
}

fn filter(browser: &mut Browser) -> Result<()> {
    browser.eval("document.querySelector('#legend input').click()")?;
    browser.wait_for(&format!(
        "{SHOWN} === 'showing {} of {ALL} texts'",
        ALL - EACH
    ))?;
    browser.eval("document.getElementById('noise').click()")?;
    browser.wait_for(&format!(
        "{SHOWN} === 'showing {} of {ALL} texts'",
        ALL - EACH - NOISE
    ))?;
    ensure!(
        browser.eval("skerry.shown")? == json!(ALL - EACH - NOISE),
        "the filter changes what is drawn"
    );
    browser.eval("document.getElementById('show-all').click()")?;
    browser.wait_for(&format!("{SHOWN} === ''"))?;
    // Colors by another column, which then is the legend.
    for (column, entries) in [
        ("kind", 3),
        ("score", 1),
        ("day", 1),
        ("cluster", TOPICS + 1),
    ] {
        browser.eval(&format!(
            "(() => {{ const s = document.getElementById('coloring'); s.value = '{column}'; \
             s.dispatchEvent(new Event('change')); }})()"
        ))?;
        browser.wait_for(&format!(
            "document.querySelectorAll('#legend > li').length === {entries}"
        ))?;
    }
    Ok(())
}

fn keys_and_address(browser: &mut Browser) -> Result<()> {
    browser.eval("document.getElementById('stage').focus()")?;
    let press = |key: &str| json!({ "type": "keyDown", "key": key, "text": key });
    browser.call("Input.dispatchKeyEvent", press("+"))?;
    // At the end of its flight, one and a half times as near.
    let arrived = "Number(location.hash.match(/at=[^&]*(?:,|%2C)([\\d.]+)/)?.[1]) >= 1.499";
    browser.wait_for(arrived)?;
    let before = browser.eval("location.hash")?;
    browser.call("Page.reload", json!({}))?;
    browser.wait_for(
        "document.documentElement?.dataset.ready && skerry.frames > 0 && skerry.camera.zoom > 1.4",
    )?;
    ensure!(
        browser.eval("location.hash")? == before,
        "the view is kept in the address"
    );
    browser.eval("document.getElementById('stage').focus()")?;
    browser.call("Input.dispatchKeyEvent", press("0"))?;
    browser.wait_for("skerry.camera.isHome")?;
    // Zooming ends on both sides.
    browser.eval("for (let i = 0; i < 99; i++) skerry.camera.zoomAt(9, 9, 3)")?;
    ensure!(
        browser.eval("skerry.camera.zoom < 1000")? == true,
        "no limit to zooming in"
    );
    browser
        .eval("for (let i = 0; i < 99; i++) skerry.camera.zoomAt(9, 9, 0.3); skerry.goHome()")?;
    browser.wait_for("skerry.camera.isHome")?;
    // The page was loaded twice now.
    let events = browser.requests();
    ensure!(events == 2, "{events} requests");
    browser.forget();
    Ok(())
}

#[test]
fn the_panel_keeps_the_focus_and_failures_can_be_closed() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    fixture::draw(dir.path(), "", false)?;
    let mut browser = Browser::start(&program, true, 1400, 900)?;
    browser.open(&dir.path().join("map.html"))?;
    let click = |browser: &mut Browser, id: &str| {
        browser.eval(&format!("document.getElementById('{id}').click()"))
    };
    let shown = |browser: &mut Browser, texts: usize| {
        browser.wait_for(&format!("{SHOWN} === 'showing {texts} of {ALL} texts'"))
    };

    // The first thing to reach by keyboard leads past the panel.
    assert_eq!(
        browser.eval("document.querySelector('button, a, input, select, [tabindex]').id")?,
        "skip"
    );
    click(&mut browser, "skip")?;
    assert_eq!(browser.eval("document.activeElement.id")?, "stage");
    // Enter opens the text nearest to the middle, wherever that is.
    let enter = json!({ "type": "keyDown", "key": "Enter", "text": "\r" });
    browser.call("Input.dispatchKeyEvent", enter)?;
    browser.wait_for("skerry.state.pinned >= 0")?;

    // The card tells what the place of a text is worth, and a year is no amount.
    browser.eval("skerry.pin(13)")?;
    browser.wait_for(&format!("{CARD}.textContent.includes('News number 13 ')"))?;
    let card = browser.eval(&format!("{CARD}.textContent"))?;
    for part in [
        "Membership90 %",
        "Outlier score10 %",
        "Neighbors kept75 %",
        "year1913",
    ] {
        assert!(card.as_str().unwrap().contains(part), "no {part}: {card}");
    }

    // Escape ends the search first and keeps the pinned text, then closes that.
    browser.eval("skerry.searchFor('violin'); document.getElementById('search').focus()")?;
    let escape = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))";
    browser.eval(escape)?;
    assert_eq!(
        browser.eval("[skerry.search.query, skerry.state.pinned]")?,
        json!(["", 13])
    );
    browser.eval(escape)?;
    assert_eq!(browser.eval("skerry.state.pinned")?, -1);

    // A switch of the legend stays where it is, with the focus on it.
    browser.eval("window.third = document.querySelectorAll('#legend input')[2]; third.focus(); third.click()")?;
    shown(&mut browser, ALL - EACH)?;
    assert_eq!(
        browser.eval("[document.activeElement === third, document.querySelectorAll('#legend input')[2] === third, third.checked]")?,
        json!([true, true, false])
    );
    // `all` and `none` are for what the legend shows; what hides texts elsewhere is cleared by the line that counts them.
    browser.eval("(() => { const s = document.getElementById('coloring'); s.value = 'kind'; s.dispatchEvent(new Event('change')); })()")?;
    browser.wait_for("document.querySelectorAll('#legend > li').length === 3")?;
    click(&mut browser, "show-none")?;
    shown(&mut browser, 0)?;
    click(&mut browser, "show-all")?;
    shown(&mut browser, ALL - EACH)?;
    click(&mut browser, "clear-filters")?;
    browser.wait_for(&format!("{SHOWN} === ''"))?;

    // Reports of browsers without an error are ignored; a real error is shown once, and can be closed.
    let failure = "document.getElementById('failure')";
    browser.eval("dispatchEvent(new ErrorEvent('error', { message: 'a loop that was cut' }))")?;
    assert_eq!(browser.eval(&format!("{failure}.hidden"))?, true);
    browser.eval("skerry.fail(new Error('a block is missing'))")?;
    let shown = browser.eval(&format!("[{failure}.hidden, {failure}.textContent]"))?;
    assert_eq!(shown[0], false);
    let words = shown[1].as_str().unwrap();
    assert!(
        words.contains("A part of the map does not work") && words.contains("a block is missing"),
        "{words}"
    );
    click(&mut browser, "failure-close")?;
    browser.eval("skerry.fail(new Error('a block is missing'))")?;
    assert_eq!(browser.eval(&format!("{failure}.hidden"))?, true);
    Ok(())
}

#[test]
fn without_webgl_the_same_map_is_drawn_and_the_page_says_so() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    fixture::draw(dir.path(), "", false)?;
    let mut browser = Browser::start(&program, false, 1400, 900)?;
    browser.open(&dir.path().join("map.html"))?;
    assert_eq!(browser.eval("skerry.points.kind")?, "canvas2d");
    let note = browser.eval("document.getElementById('note').textContent")?;
    assert!(note.as_str().unwrap().contains("without WebGL"), "{note}");
    assert!(
        colors(&browser.screenshot()?, 345) > 100,
        "the map is blank"
    );
    assert_eq!(
        browser.eval("document.title")?,
        format!("A map of {ALL} texts")
    );
    Ok(())
}

#[test]
fn hostile_texts_are_shown_and_run_nothing() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    fixture::draw(dir.path(), HOSTILE[0], true)?;
    let mut browser = Browser::start(&program, true, 1400, 900)?;
    browser.open(&dir.path().join("map.html"))?;
    assert_eq!(browser.eval("document.title")?, HOSTILE[0]);
    for (row, text) in HOSTILE.iter().enumerate() {
        browser.eval(&format!("skerry.pin({row})"))?;
        browser.wait_for(&format!(
            "{CARD}.querySelector('.card-text').textContent.length > 20"
        ))?;
        let shown = browser.eval(&format!("{CARD}.querySelector('.card-text').textContent"))?;
        let shown = shown.as_str().unwrap();
        let wanted = text
            .replace('\0', "\u{2400}")
            .replace('\u{1}', "\u{2401}")
            .replace('\u{7f}', "\u{2421}")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
            .replace("&#39;", "'");
        assert!(
            shown.starts_with(&wanted),
            "{shown:?} does not begin with {wanted:?}"
        );
    }
    // A long phrase is shortened on the map, and complete in the legend.
    let long = fixture::long_name();
    let cut = browser.eval(
        "skerry.labels.placed.filter((p) => p.item.name.startsWith('neuneu')).map((p) => \
         [p.item.rows.join(' ').endsWith('\u{2026}'), p.box[2] - p.box[0] < 16 * p.item.px])",
    )?;
    assert_eq!(cut, json!([[true, true]]));
    let titles =
        browser.eval("[...document.querySelectorAll('#legend .name')].map((n) => n.title)")?;
    assert!(
        titles.as_array().unwrap().contains(&json!(long)),
        "{titles}"
    );
    browser.eval("skerry.searchFor('<img')")?;
    browser.wait_for("document.querySelectorAll('#hit-list li').length === 1")?;
    assert_eq!(browser.eval("[typeof window.pwned, document.images.length, document.querySelectorAll('b, i').length]")?, json!(["undefined", 0, 0]));
    assert_eq!(browser.faults()?, Vec::<String>::new());
    assert_eq!(browser.requests(), 1);
    Ok(())
}

/// How many pairs of names of a Plotly page lie over each other, and how many names there are.
const PLOTLY_NAMES: &str = "(() => { const boxes = [...document.querySelectorAll('.annotation .bg')].map((b) => \
    b.getBoundingClientRect()); const over = boxes.flatMap((a, i) => boxes.slice(0, i).filter((b) => a.left < b.right && \
    b.left < a.right && a.top < b.bottom && b.top < a.bottom)); return [over.length, boxes.length]; })()";

#[test]
fn the_page_of_plotly_places_names_apart_and_runs_nothing() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    fixture::draw_by(dir.path(), HOSTILE[0], true, viz::Renderer::Plotly)?;
    let mut browser = Browser::start(&program, true, 1400, 900)?;
    browser.open(&dir.path().join("map.html"))?;
    assert_eq!(browser.eval("document.title")?, HOSTILE[0]);
    assert_eq!(browser.eval(PLOTLY_NAMES)?, json!([0, TOPICS]));
    // A window that is too small scrolls, and one that is larger gives room.
    for (width, height) in [(500, 400), (2400, 1500)] {
        browser.resize(width, height)?;
        browser.wait_for(&format!(
            "Math.abs(document.querySelector('.main-svg').getBoundingClientRect().width - Math.max(1000, {width})) < 20"
        ))?;
        assert_eq!(browser.eval(PLOTLY_NAMES)?, json!([0, TOPICS]), "{width}");
    }
    assert_eq!(
        browser.eval("[typeof window.pwned, document.images.length]")?,
        json!(["undefined", 0])
    );
    assert_eq!(browser.faults()?, Vec::<String>::new());
    Ok(())
}

#[test]
fn the_page_of_plotly_draws_without_webgl_and_says_so() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    fixture::draw_by(dir.path(), "Coast", false, viz::Renderer::Plotly)?;
    let mut browser = Browser::start(&program, false, 1400, 900)?;
    browser.open(&dir.path().join("map.html"))?;
    let drawn = browser.eval("document.querySelectorAll('.scatterlayer .point').length")?;
    assert_eq!(drawn, ALL);
    let note = browser.eval("document.getElementById('note').innerText")?;
    assert!(note.as_str().unwrap().contains("without WebGL"), "{note}");
    assert_eq!(browser.eval(PLOTLY_NAMES)?, json!([0, TOPICS]));
    Ok(())
}

#[test]
fn a_truncated_page_reports_the_fault() -> Result<()> {
    let Some(program) = browser() else {
        return Ok(());
    };
    let dir = tempfile::tempdir()?;
    fixture::draw(dir.path(), "Whole", false)?;
    let page = std::fs::read_to_string(dir.path().join("map.html"))?;
    let broken = dir.path().join("broken.html");
    std::fs::write(&broken, page.replace("id=\"block-y\"", "id=\"gone\""))?;
    let mut browser = Browser::start(&program, true, 900, 600)?;
    browser.open(&broken)?;
    let shown: Value = browser.eval("document.getElementById('failure').innerText")?;
    assert!(
        shown
            .as_str()
            .unwrap()
            .contains("the block \"y\" is missing"),
        "{shown}"
    );
    Ok(())
}
