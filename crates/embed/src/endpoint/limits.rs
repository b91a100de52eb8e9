//! When to send the next request: back-off after failures, and what the server asks for in its headers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use stage::Stream;
use ureq::http::HeaderMap;

/// The wait before the first repetition of a request; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait of its own accord.
const LONGEST: Duration = Duration::from_mins(1);
/// The longest wait that a server may ask for.
pub(super) const LONGEST_ASKED: Duration = Duration::from_mins(10);
/// How often a waiting thread looks whether it is to end.
const SLICE: Duration = Duration::from_millis(50);

/// The wait before repetition `attempt`, from 1: exponential, between half of it and all of it by `stream`, so that requests that
/// failed together are not repeated together.
pub(super) fn back_off(attempt: u32, stream: &mut Stream) -> Duration {
    let whole = FIRST
        .saturating_mul(1 << (attempt - 1).min(16))
        .min(LONGEST);
    whole.mul_f64(0.5 + 0.5 * stream.next_f64())
}

/// Keeps all requests back until a moment.
pub(super) struct Gate(Mutex<Instant>);

impl Gate {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Keeps requests back for `time` from now on.
    pub(super) fn close_for(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut kept = self.0.lock().expect("no thread panics with the lock");
        *kept = until.max(*kept);
    }

    /// Waits until requests may be sent; `false` if the work is to end.
    pub(super) fn wait(&self, stop: &AtomicBool) -> bool {
        loop {
            let until = *self.0.lock().expect("no thread panics with the lock");
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            match until.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => std::thread::sleep(left.min(SLICE)),
                _ => return true,
            }
        }
    }
}

/// Waits for `time`; `false` if the work is to end.
pub(super) fn wait(time: Duration, stop: &AtomicBool) -> bool {
    let gate = Gate::new();
    gate.close_for(time);
    gate.wait(stop)
}

/// The wait that the headers of a failure ask for: `Retry-After` in seconds or as a date, or its form in milliseconds, else the
/// time until an exhausted rate limit starts anew.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return seconds(milliseconds).map(|time| time / 1000);
    }
    let asked = text("retry-after").and_then(|text| match text.parse::<f64>() {
        Ok(number) => seconds(number),
        Err(_) => Some(date(text)?.duration_since(now).unwrap_or_default()),
    });
    asked.or_else(|| exhausted(headers, now))
}

/// Rate limits: what is left, and when it starts anew.
const LIMITS: [(&str, &str); 4] = [
    (
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    ("ratelimit-remaining", "ratelimit-reset"),
];

/// The time until a rate limit of which nothing is left starts anew.
pub(super) fn exhausted(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let waits = LIMITS.iter().filter_map(|&(left, reset)| {
        let left: f64 = text(left)?.parse().ok()?;
        (left <= 0.0).then(|| period(text(reset)?, now)).flatten()
    });
    waits.max()
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

/// A period such as `20ms`, `6m0s` or `12` (seconds), or the moment at its end as seconds since 1970.
fn period(text: &str, now: SystemTime) -> Option<Duration> {
    const YEAR: f64 = 3.2e7;
    if let Ok(number) = text.parse::<f64>() {
        let time = seconds(number)?;
        if number < YEAR {
            return Some(time);
        }
        let end = SystemTime::UNIX_EPOCH.checked_add(time)?;
        return Some(end.duration_since(now).unwrap_or_default());
    }
    let (mut rest, mut sum) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(rest.len());
        sum += number
            * match &rest[..end] {
                "ms" => 1e-3,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                _ => return None,
            };
        rest = &rest[end..];
    }
    seconds(sum)
}

/// A date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
fn date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let [day, month, year, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let parts: Vec<u64> = time
        .split(':')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [hour, minute, second] = parts[..] else {
        return None;
    };
    if !(1970..10_000).contains(&year)
        || !(1..32).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    // Days of a civil date, with the year beginning in March (Hinnant, "chrono-compatible low-level date algorithms").
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let seconds = (days - 719_468) * 86_400 + hour * 3600 + minute * 60 + second;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn dates_are_read() {
        for (text, expected) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:59 GMT", 1_709_251_199),
            ("Fri, 01 Mar 2024 00:00:00 GMT", 1_709_251_200),
        ] {
            assert_eq!(date(text), Some(at(expected)), "{text}");
        }
        for text in [
            "",
            "soon",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 0001 08:49:37 GMT",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn servers_say_when_to_come_back() {
        let now = at(784_111_770);
        let after = |list: &[(&'static str, &str)]| {
            retry_after(&headers(list), now).map(|time| time.as_millis())
        };
        assert_eq!(after(&[]), None);
        assert_eq!(after(&[("retry-after", "2")]), Some(2000));
        assert_eq!(
            after(&[("retry-after", "1"), ("retry-after-ms", "150")]),
            Some(150)
        );
        assert_eq!(
            after(&[("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT")]),
            Some(7000)
        );
        assert_eq!(
            after(&[("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT")]),
            Some(0)
        );
        assert_eq!(after(&[("retry-after", "-1")]), None);
        assert_eq!(
            after(&[
                ("x-ratelimit-remaining-tokens", "0"),
                ("x-ratelimit-reset-tokens", "6m0s")
            ]),
            Some(360_000)
        );
    }

    #[test]
    fn exhausted_limits_are_waited_for() {
        let now = at(1_800_000_000);
        let pause = |list: &[(&'static str, &str)]| {
            exhausted(&headers(list), now).map(|time| time.as_millis())
        };
        let requests = |left, reset| {
            pause(&[
                ("x-ratelimit-remaining-requests", left),
                ("x-ratelimit-reset-requests", reset),
            ])
        };
        assert_eq!(requests("1", "20s"), None);
        assert_eq!(requests("0", "20ms"), Some(20));
        assert_eq!(requests("0", "1h2m3.5s"), Some(3_723_500));
        assert_eq!(requests("0", "12"), Some(12_000));
        assert_eq!(requests("0", "1800000005"), Some(5000));
        assert_eq!(requests("0", "5 parsecs"), None);
        assert_eq!(requests("0", "s"), None);
        assert_eq!(
            pause(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "3")]),
            Some(3000)
        );
    }

    #[test]
    fn back_off_doubles_within_bounds_and_depends_on_the_seed_alone() {
        let wait = |attempt, index| back_off(attempt, &mut stage::Seed(1).stream("retry", index));
        for attempt in 1..40 {
            let whole = Duration::from_millis(500 << (attempt - 1).min(7)).min(LONGEST);
            for index in 0..20 {
                let found = wait(attempt, index);
                assert!(found >= whole / 2 && found <= whole, "{attempt}: {found:?}");
                assert_eq!(found, wait(attempt, index));
            }
        }
        assert_ne!(wait(1, 0), wait(1, 1));
    }

    #[test]
    fn waiting_ends_when_the_work_ends() {
        let stop = AtomicBool::new(true);
        assert!(!wait(Duration::from_hours(1), &stop));
        stop.store(false, Ordering::Relaxed);
        assert!(wait(Duration::ZERO, &stop));
    }
}
