//! Evaluation for a batch, against an interpreter that takes one message after
//! the other.

use proptest::prelude::*;

use super::*;
use crate::message::{Header, Message, Priority, Source, Timestamp};

fn selector(text: &str) -> Filter {
    Filter::Selector(Selector::parse(text).unwrap())
}

fn filter(text: &str, then: Vec<Statement>, otherwise: Vec<Statement>) -> Statement {
    Statement::Filter {
        filter: selector(text),
        then,
        otherwise,
    }
}

fn evaluate(program: &Program, priorities: &[u8], selections: &mut Selections) {
    let header = |&value: &u8| Header {
        priority: Priority::new(value).unwrap(),
        ..Header::default()
    };
    let headers: Vec<Header> = priorities.iter().map(header).collect();
    let (source, received) = (Source::default(), Timestamp::default());
    let message = |index: usize| Message {
        text: b"",
        header: &headers[index],
        source: &source,
        received: &received,
    };
    program.evaluate(0, headers.len(), message, selections);
}

fn chosen(selections: &Selections, action: usize) -> Vec<usize> {
    let selected = selections.of(Target::Action(action));
    let mut indexes = Vec::new();
    selected.for_each(|index| indexes.push(index));
    assert_eq!(selected.count(), indexes.len());
    let mut stepped = Vec::new();
    let mut from = 0;
    while let Some(index) = selected.next(from) {
        stepped.push(index);
        from = index + 1;
    }
    assert_eq!(stepped, indexes);
    indexes
}

/// Runs statements for one message; whether it goes on behind them.
fn interpret(
    program: &Program,
    statements: &[Statement],
    priority: Priority,
    actions: &mut Vec<usize>,
) -> bool {
    statements.iter().all(|statement| match statement {
        Statement::Action(action) => {
            actions.push(*action);
            true
        }
        Statement::Call(ruleset) => {
            let called = &program.rulesets[*ruleset].statements;
            interpret(program, called, priority, actions)
        }
        Statement::Stop => false,
        Statement::Filter {
            filter: Filter::Selector(selector),
            then,
            otherwise,
        } => {
            let way = if selector.matches(priority) {
                then
            } else {
                otherwise
            };
            interpret(program, way, priority, actions)
        }
    })
}

const ACTIONS: usize = 4;

/// Asserts that both ways agree on every message.
fn check(program: &Program, priorities: &[u8], selections: &mut Selections) {
    evaluate(program, priorities, selections);
    let mut expected = vec![Vec::new(); ACTIONS];
    let mut unmatched = 0;
    for (index, &value) in priorities.iter().enumerate() {
        let mut actions = Vec::new();
        interpret(
            program,
            &program.rulesets[0].statements,
            Priority::new(value).unwrap(),
            &mut actions,
        );
        unmatched += usize::from(actions.is_empty());
        actions.sort_unstable();
        actions.dedup();
        actions
            .iter()
            .for_each(|&action| expected[action].push(index));
    }
    for (action, expected) in expected.iter().enumerate() {
        assert_eq!(&chosen(selections, action), expected, "action {action}");
    }
    assert_eq!(selections.unmatched(), unmatched);
}

const RULESETS: usize = 3;

/// Rulesets that call those behind them.
fn programs() -> impl Strategy<Value = Program> {
    let rulesets: Vec<_> = (0..RULESETS).map(statements).collect();
    rulesets.prop_map(|rulesets| Program {
        rulesets: rulesets
            .into_iter()
            .map(|statements| Ruleset {
                has_queue: false,
                name: String::new(),
                statements,
            })
            .collect(),
        default: 0,
    })
}

fn statements(ruleset: usize) -> impl Strategy<Value = Vec<Statement>> {
    let called = ruleset + 1..RULESETS;
    let leaf = prop_oneof![
        4 => (0..ACTIONS).prop_map(Statement::Action),
        1 => Just(Statement::Stop),
        2 => prop::sample::select(if called.is_empty() {
            vec![Statement::Stop]
        } else {
            called.map(Statement::Call).collect()
        }),
    ];
    let texts = [
        "*.*",
        "*.none",
        "kern.*",
        "*.info",
        "user.=err;mail.*",
        "*.!=info;*.err",
    ];
    let text = (0..texts.len()).prop_map(move |index| texts[index]);
    let tree = leaf.prop_recursive(4, 24, 4, move |inner| {
        let list = prop::collection::vec(inner, 0..4);
        (text.clone(), list.clone(), list)
            .prop_map(|(text, then, otherwise)| filter(text, then, otherwise))
    });
    prop::collection::vec(tree, 0..6)
}

proptest! {
    #[test]
    fn a_batch_is_evaluated_as_its_messages_are(
        runs in prop::collection::vec(
            (programs(), prop::collection::vec(0u8..192, 0..200)),
            1..4,
        ),
    ) {
        // One storage for all runs: nothing may be left over from the last.
        let mut selections = Selections::default();
        for (program, priorities) in runs {
            check(&program, &priorities, &mut selections);
        }
    }
}

#[test]
fn the_edges_of_words() {
    let program = Program::of(vec![filter(
        "kern.*",
        vec![Statement::Action(0), Statement::Stop],
        vec![Statement::Action(1)],
    )]);
    let mut selections = Selections::default();
    for count in [0, 1, 63, 64, 65, 127, 128, 129] {
        for (every, value) in [(1, 0), (1, 8), (count.max(1), 8)] {
            let priority = |index| if index % every == 0 { value } else { 0 };
            let priorities: Vec<u8> = (0..count).map(priority).collect();
            check(&program, &priorities, &mut selections);
        }
    }
}

#[test]
fn stop_reaches_the_outer_levels() {
    let program = Program::of(vec![
        filter(
            "*.*",
            vec![filter("kern.*", vec![Statement::Stop], vec![])],
            vec![],
        ),
        Statement::Action(2),
        Statement::Stop,
        Statement::Action(0),
    ]);
    let mut selections = Selections::default();
    evaluate(&program, &[0, 8, 7, 15], &mut selections);
    assert_eq!(chosen(&selections, 2), [1, 3]);
    assert!(chosen(&selections, 0).is_empty());
    assert_eq!(selections.unmatched(), 2);
}

#[test]
fn without_rules_no_message_goes_anywhere() {
    let mut selections = Selections::default();
    evaluate(&Program::default(), &[13; 70], &mut selections);
    assert_eq!(selections.unmatched(), 70);
    assert!(chosen(&selections, 0).is_empty());
    assert!(chosen(&selections, 99).is_empty());
}
