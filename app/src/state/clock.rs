//! The time of day for "3 min ago", and dates in the organisation's zone.

use leptos::prelude::*;
use std::cell::RefCell;
use std::time::Duration;
use wasm_bindgen::JsValue;

#[derive(Clone, Copy)]
struct Clock(RwSignal<f64>);

/// Ticks twice a minute; what shows a relative time reads it.
pub fn provide() {
    let now = RwSignal::new(js_sys::Date::now());
    set_interval(move || now.set(js_sys::Date::now()), Duration::from_secs(30));
    provide_context(Clock(now));
}

thread_local! {
    static ZONE: RefCell<String> = const { RefCell::new(String::new()) };
    static FORMATS: RefCell<Option<Formats>> = const { RefCell::new(None) };
}

struct Formats {
    date: js_sys::Function,
    time: js_sys::Function,
    minute: js_sys::Function,
    hour: js_sys::Function,
    iso: js_sys::Function,
    wall: js_sys::Function,
}

#[derive(Clone, Copy)]
enum Form {
    /// `Nov 22, 2025`
    Date,
    /// `Nov 22, 2025, 10:42:07 AM EST`
    Time,
    /// `10:42 AM`
    Minute,
    /// `22`
    Hour,
    /// `11/22/2025`
    Iso,
    /// `11/22/2025, 22:07`
    Wall,
}

/// Shows dates in `zone` (an IANA name) from now on.
pub fn set_zone(zone: &str) {
    ZONE.with_borrow_mut(|slot| zone.clone_into(slot));
    FORMATS.with_borrow_mut(|slot| *slot = None);
}

/// In which zone times are entered and shown: `in the organisation’s time (America/New_York)`.
pub fn zone_words() -> String {
    ZONE.with_borrow(|zone| match zone.as_str() {
        "" => "in this browser’s time".to_owned(),
        zone => format!("in the organisation’s time ({zone})"),
    })
}

fn formatter(zone: &str, options: &[(&str, &str)]) -> js_sys::Function {
    let build = |zone: &str| {
        let object = js_sys::Object::new();
        let fields = options.iter().copied().chain((!zone.is_empty()).then_some(("timeZone", zone)));
        for (name, value) in fields {
            // Setting a field of a fresh object cannot fail.
            let _ = js_sys::Reflect::set(&object, &name.into(), &value.into());
        }
        js_sys::Intl::DateTimeFormat::new(&js_sys::Array::of1(&"en-US".into()), &object).format()
    };
    build(zone)
}

fn format(at: f64, form: Form) -> String {
    FORMATS.with_borrow_mut(|slot| {
        let formats = slot.get_or_insert_with(|| {
            ZONE.with_borrow(|zone| Formats {
                date: formatter(zone, &[("year", "numeric"), ("month", "short"), ("day", "numeric")]),
                time: formatter(
                    zone,
                    &[
                        ("year", "numeric"),
                        ("month", "short"),
                        ("day", "numeric"),
                        ("hour", "numeric"),
                        ("minute", "2-digit"),
                        ("second", "2-digit"),
                        ("timeZoneName", "short"),
                    ],
                ),
                minute: formatter(zone, &[("hour", "numeric"), ("minute", "2-digit")]),
                hour: formatter(zone, &[("hour", "numeric"), ("hourCycle", "h23")]),
                iso: formatter(zone, &[("year", "numeric"), ("month", "2-digit"), ("day", "2-digit")]),
                wall: formatter(
                    zone,
                    &[
                        ("year", "numeric"),
                        ("month", "2-digit"),
                        ("day", "2-digit"),
                        ("hour", "2-digit"),
                        ("minute", "2-digit"),
                        ("hourCycle", "h23"),
                    ],
                ),
            })
        });
        let function = match form {
            Form::Date => &formats.date,
            Form::Time => &formats.time,
            Form::Minute => &formats.minute,
            Form::Hour => &formats.hour,
            Form::Iso => &formats.iso,
            Form::Wall => &formats.wall,
        };
        function
            .call1(&JsValue::UNDEFINED, &JsValue::from_f64(at))
            .ok()
            .and_then(|text| text.as_string())
            .unwrap_or_default()
    })
}

fn millis(at: &str) -> Option<f64> {
    Some(js_sys::Date::parse(at)).filter(|millis| millis.is_finite())
}

/// From one time to a later one; `None` where either is no time.
pub fn millis_between(from: &str, to: &str) -> Option<u64> {
    Some((millis(to)? - millis(from)?).max(0.0) as u64)
}

/// `Nov 22, 2025, 10:42:07 AM EST`, or the text itself where it is no time.
pub fn full_time(at: &str) -> String {
    millis(at).map_or_else(|| at.to_owned(), |at| format(at, Form::Time))
}

/// `10:42 AM`, or the text itself where it is no time.
pub fn minute(at: &str) -> String {
    millis(at).map_or_else(|| at.to_owned(), |at| format(at, Form::Minute))
}

/// The hour of the day, 0 to 23; `None` where it is no time.
pub fn hour_of_day(at: &str) -> Option<usize> {
    format(millis(at)?, Form::Hour).parse().ok().filter(|hour| *hour < 24)
}

/// The day as `2025-11-22`; `None` where it is no time.
pub fn iso_day(at: &str) -> Option<String> {
    let shown = format(millis(at)?, Form::Iso);
    let (month, rest) = shown.split_once('/')?;
    let (day, year) = rest.split_once('/')?;
    Some(format!("{year}-{month}-{day}"))
}

/// Today in the organisation's zone, as `2025-11-22`.
pub fn today() -> String {
    let now: String = js_sys::Date::new_0().to_iso_string().into();
    iso_day(&now).unwrap_or_default()
}

/// The day as `Nov 22, 2025`, or the text itself where it is no time.
pub fn date(at: &str) -> String {
    millis(at).map_or_else(|| at.to_owned(), |at| format(at, Form::Date))
}

/// Seconds from now to a time; negative once it has passed. Moves with the clock.
pub fn seconds_until(at: &str) -> Option<i64> {
    let now =
        use_context::<Clock>().map_or_else(js_sys::Date::now, |clock| clock.0.get().max(js_sys::Date::now()));
    millis(at).map(|at| ((at - now) / 1000.0) as i64)
}

/// What the clock on the organisation's wall shows at an instant, as `2025-11-22T22:07`.
fn wall(at: f64) -> Option<String> {
    let shown = format(at, Form::Wall);
    let (date, time) = shown.split_once(", ")?;
    let (month, rest) = date.split_once('/')?;
    let (day, year) = rest.split_once('/')?;
    Some(format!("{year}-{month}-{day}T{time}"))
}

/// The instant at which that clock shows `wall` (`2025-11-22T09:00`), as the API has it; `None` where it is no time.
pub fn instant_of(wall_time: &str) -> Option<String> {
    let wanted = millis(&format!("{wall_time}Z"))?;
    let mut guess = wanted;
    // Twice, since the first guess may lie on the other side of a change of the clocks.
    for _ in 0..2 {
        guess += wanted - millis(&format!("{}Z", wall(guess)?))?;
    }
    Some(String::from(js_sys::Date::new(&guess.into()).to_iso_string()))
}

/// So many days after a day, both as `2025-11-22`.
pub fn days_after(day: &str, days: i32) -> String {
    let Some(noon) = millis(&format!("{day}T12:00:00Z")) else { return String::new() };
    let then = js_sys::Date::new(&(noon + f64::from(days) * 86_400_000.0).into());
    String::from(then.to_iso_string()).get(..10).map(str::to_owned).unwrap_or_default()
}

/// The day of the week of a day, Monday 0 to Sunday 6.
pub fn weekday(day: &str) -> u32 {
    let noon = millis(&format!("{day}T12:00:00Z")).unwrap_or_default();
    (js_sys::Date::new(&noon.into()).get_utc_day() + 6) % 7
}

/// When something is due: `today 9:00 AM`, `tomorrow 9:00 AM`, else the date; below a day past `3 h overdue`, then days.
pub fn due(at: &str) -> String {
    let Some(due) = millis(at) else { return at.to_owned() };
    let now =
        use_context::<Clock>().map_or_else(js_sys::Date::now, |clock| clock.0.get().max(js_sys::Date::now()));
    let late = (now - due) / 3_600_000.0;
    if late > 0.0 {
        return match late {
            ..1.0 => "due now".to_owned(),
            1.0..48.0 => format!("{} h overdue", late as u64),
            _ => format!("{} d overdue", (late / 24.0) as u64),
        };
    }
    let (day, today) = (wall(due).unwrap_or_default(), today());
    let is_on = |date: &str| day.starts_with(date);
    if is_on(&today) {
        format!("today {}", format(due, Form::Minute))
    } else if is_on(&days_after(&today, 1)) {
        format!("tomorrow {}", format(due, Form::Minute))
    } else {
        format(due, Form::Date)
    }
}

/// Whole seconds from a time to `now`, in milliseconds since 1970; none below 0, since clocks differ.
pub fn seconds_since(at: &str, now: f64) -> u64 {
    millis(at).map_or(0, |at| ((now - at) / 1000.0).max(0.0) as u64)
}

/// Below a day `12 min ago`, else the date.
pub fn short_time(at: &str) -> String {
    let Some(millis) = millis(at) else { return at.to_owned() };
    let now =
        use_context::<Clock>().map_or_else(js_sys::Date::now, |clock| clock.0.get().max(js_sys::Date::now()));
    let seconds = (now - millis) / 1000.0;
    if !(-60.0..86_400.0).contains(&seconds) {
        return format(millis, Form::Date);
    }
    match seconds as i64 {
        ..=44 => "just now".to_owned(),
        45..=5_399 => format!("{} min ago", ((seconds / 60.0) as i64).max(1)),
        _ => format!("{} h ago", (seconds / 3600.0) as i64),
    }
}

/// A calendar day (`2024-03-01`) as `Mar 1, 2024`: days have no zone to be moved by.
pub fn day(iso: &str) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = iso.splitn(3, '-');
    let shown = (|| {
        let year = parts.next()?;
        let month = MONTHS.get(parts.next()?.parse::<usize>().ok()?.checked_sub(1)?)?;
        let day: u8 = parts.next()?.get(..2)?.parse().ok()?;
        Some(format!("{month} {day}, {year}"))
    })();
    shown.unwrap_or_else(|| iso.to_owned())
}

/// Milliseconds since the page began, for measuring.
pub fn stopwatch() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}
