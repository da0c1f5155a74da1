//! The text as its reader takes it apart.

use std::collections::{HashMap, HashSet};

use regex::Regex;
use serde_json::Value;

use super::*;
use crate::daemon::statistics::{
    ActionStatistics, NameStatistics, QueueStatistics, RuleStatistics,
};

/// A daemon with two inputs that are called alike at one address, and two queues
/// whose names need care.
fn daemon() -> (Statistics, Vec<QueueStatus>) {
    let input = InputStatistics {
        name: "imptcp".to_owned(),
        address: Some("127.0.0.1:514".to_owned()),
        closed: [("eof".to_owned(), 1_000_001)].into(),
        ..InputStatistics::default()
    };
    let twin = InputStatistics {
        name: "imptcp".to_owned(),
        address: Some("127.0.0.1:514".to_owned()),
        ..InputStatistics::default()
    };
    let statistics = Statistics {
        version: "1.2.3".to_owned(),
        inputs: vec![input, twin, InputStatistics::default()],
        names: Some(NameStatistics::default()),
        actions: vec![ActionStatistics::default(), ActionStatistics::default()],
        rules: RuleStatistics::default(),
        ..Statistics::default()
    };
    let queues = ["with \"quotes\"", "back\\slash\nand line"].map(|name| {
        let account = QueueStatistics {
            name: name.to_owned(),
            ..QueueStatistics::default()
        };
        let status = serde_json::json!({
            "state": ["paused"], "window_opens": null, "suspended_actions": [],
            "light_delay_mark": 7, "full_delay_mark": 9, "discard_mark": null,
            "discard_severity": null, "oldest_seconds": 1.5, "enqueued_per_second": 0.5,
            "handed_over_per_second": 0.5, "seconds_to_drain": null,
            "seconds_to_full": null, "workers": 1, "workers_max": 2,
        });
        let mut all = serde_json::to_value(account).expect("numbers and texts");
        let fields = status.as_object().expect("an object").clone();
        all.as_object_mut().expect("an object").extend(fields);
        serde_json::from_value(all).expect("a queue")
    });
    (statistics, queues.into())
}

/// Values of all series. Every line has to match the format's grammar, each family
/// has to stand together behind its type, and no series may be there twice.
fn parse(text: &str) -> HashMap<String, f64> {
    let help = Regex::new(r"^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (?:[^\\]|\\\\|\\n)*$").unwrap();
    let kind = Regex::new(r"^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|summary)$").unwrap();
    let sample = Regex::new(
        r#"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"(?:,[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*")*\})? ([0-9.e+-]+)$"#,
    )
    .unwrap();
    assert!(text.ends_with('\n'));
    let mut series = HashMap::new();
    let mut families = HashSet::new();
    let (mut described, mut family, mut is_summary) = (String::new(), String::new(), false);
    for line in text.lines() {
        if let Some(found) = help.captures(line) {
            described = found[1].to_owned();
        } else if let Some(found) = kind.captures(line) {
            family = found[1].to_owned();
            assert_eq!(family, described, "a type without a help text");
            assert!(families.insert(family.clone()), "{family} stands apart");
            assert_eq!(&found[2] == "counter", family.ends_with("_total"), "{line}");
            is_summary = &found[2] == "summary";
        } else {
            let found = sample
                .captures(line)
                .unwrap_or_else(|| panic!("no line of the format: {line}"));
            let name = &found[1];
            let base = name.strip_suffix("_sum").or(name.strip_suffix("_count"));
            let base = base.filter(|_| is_summary).unwrap_or(name);
            assert_eq!(base, family, "{line}");
            let key = format!(
                "{name}{}",
                found.get(2).map_or("", |labels| labels.as_str())
            );
            let value = found[3].parse().expect("a number");
            assert!(series.insert(key, value).is_none(), "twice: {line}");
        }
    }
    series
}

#[test]
fn every_line_is_of_the_format_and_every_series_there_once() {
    let (statistics, queues) = daemon();
    let series = parse(&text(&statistics, &queues));
    let of = |key: &str| *series.get(key).unwrap_or_else(|| panic!("no {key}"));
    assert_eq!(of("splashdam_info{version=\"1.2.3\"}"), 1.0);
    let input = |name: &str| {
        of(&format!(
            "splashdam_input_received_total{{input=\"{name}\",address=\"127.0.0.1:514\"}}"
        ))
    };
    assert_eq!((input("imptcp"), input("imptcp#2")), (0.0, 0.0));
    assert_eq!(of("splashdam_input_received_total{input=\"\"}"), 0.0);
    let name = "splashdam_queue_paused";
    assert_eq!(of(&format!(r#"{name}{{queue="with \"quotes\""}}"#)), 1.0);
    assert_eq!(
        of(&format!(r#"{name}{{queue="back\\slash\nand line"}}"#)),
        1.0
    );
}

/// Sets each count to a number of its own. Returns them with their places.
fn number(value: &mut Value, place: &str, next: &mut u64, all: &mut Vec<(String, u64)>) {
    match value {
        Value::Number(_) => {
            *next += 1;
            *value = (*next).into();
            all.push((place.to_owned(), *next));
        }
        Value::Array(items) => {
            for item in items {
                number(item, place, next, all);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                number(field, &format!("{place}.{name}"), next, all);
            }
        }
        _ => {}
    }
}

#[test]
fn every_count_of_the_accounts_is_exported() {
    let (statistics, queues) = daemon();
    let (mut next, mut all) = (1000, Vec::new());
    let mut numbered = serde_json::to_value(statistics).unwrap();
    number(&mut numbered, "statistics", &mut next, &mut all);
    let statistics: Statistics = serde_json::from_value(numbered).unwrap();
    let mut numbered = serde_json::to_value(queues).unwrap();
    number(&mut numbered, "queues", &mut next, &mut all);
    let queues: Vec<QueueStatus> = serde_json::from_value(numbered).unwrap();
    let values: Vec<f64> = parse(&text(&statistics, &queues)).into_values().collect();
    let seen = |number: u64| {
        let number = number as f64;
        // Latencies are in microseconds.
        values.contains(&number) || values.contains(&(number / 1e6))
    };
    let missing = all.iter().filter(|(_, number)| !seen(*number));
    let missing: Vec<&str> = missing.map(|(place, _)| place.as_str()).collect();
    // Parameters, and what is made of the counts.
    let expected = [
        "discard_mark",
        "enqueued_per_second",
        "full_delay_mark",
        "handed_over_per_second",
        "light_delay_mark",
    ];
    let is_expected = |place: &&str| {
        let field = place.strip_prefix("queues.");
        field.is_some_and(|field| expected.contains(&field))
    };
    let forgotten: Vec<&str> = missing.into_iter().filter(|at| !is_expected(at)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}

#[test]
fn every_metric_is_documented_and_no_other() {
    let (statistics, queues) = daemon();
    let text = text(&statistics, &queues);
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let exported: HashSet<String> = types
        .map(|line| {
            let (name, kind) = line.split_once(' ').expect("a name and a kind");
            format!("| `{name}` | {kind} |")
        })
        .collect();
    let documentation = include_str!("../../../docs/operation.md");
    let rows = documentation
        .lines()
        .filter(|line| line.starts_with("| `splashdam_"));
    let documented: HashSet<String> = rows
        .map(|row| row.split('|').take(3).collect::<Vec<_>>().join("|") + "|")
        .collect();
    let mut differing: Vec<_> = exported.symmetric_difference(&documented).collect();
    differing.sort();
    assert!(differing.is_empty(), "{differing:?}");
}
