use super::*;

fn key(n: u32) -> Key {
    Key {
        by: UserId::parse(format!("U{}", n % 3)).unwrap(),
        cid: ClientId::parse(format!("c{n}")).unwrap(),
    }
}

fn room() -> RoomId {
    RoomId::parse("R").unwrap()
}

// `12` stands for message 12, a negative number for an event of another kind.
fn view(client: &str, entries: &[(i64, i32)]) -> View {
    let entry = |&(seq, n): &(i64, i32)| Entry {
        seq,
        message: u32::try_from(n).ok().map(key),
    };
    View {
        client: client.to_owned(),
        room: room(),
        after: 10,
        entries: entries.iter().map(entry).collect(),
    }
}

fn acks(pairs: &[(i64, u32)]) -> Vec<Ack> {
    let ack = |&(seq, n): &(i64, u32)| Ack {
        room: room(),
        key: key(n),
        seq,
    };
    pairs.iter().map(ack).collect()
}

fn counts(views: &[View], acks: &[Ack]) -> (usize, usize, usize) {
    let verdict = check(views, acks);
    assert_eq!(verdict.is_clean(), verdict.faults.is_empty());
    (verdict.lost, verdict.duplicated, verdict.reordered)
}

const WHOLE: [(i64, i32); 4] = [(11, 1), (12, 2), (13, -1), (14, 3)];

#[test]
fn a_whole_history_is_clean() {
    let views = [view("a", &WHOLE), view("b", &WHOLE)];
    let acks = acks(&[(11, 1), (12, 2), (14, 3)]);
    assert_eq!(counts(&views, &acks), (0, 0, 0));
    assert_eq!(check(&views, &acks).delivered, 6);
}

#[test]
fn what_was_before_the_view_is_not_missed() {
    assert_eq!(counts(&[view("a", &WHOLE)], &acks(&[(9, 99)])), (0, 0, 0));
}

#[test]
fn an_unacknowledged_message_may_be_there() {
    assert_eq!(counts(&[view("a", &WHOLE)], &[]), (0, 0, 0));
}

#[test]
fn a_gap_is_a_loss() {
    let broken = [(11, 1), (13, -1), (14, 3)];
    assert_eq!(counts(&[view("a", &broken)], &[]), (1, 0, 0));
    // The same loss is not counted twice when it was acknowledged.
    assert_eq!(counts(&[view("a", &broken)], &acks(&[(12, 2)])), (1, 0, 0));
}

#[test]
fn a_lost_first_event_is_a_loss() {
    assert_eq!(counts(&[view("a", &WHOLE[1..])], &[]), (1, 0, 0));
}

#[test]
fn a_lost_tail_is_a_loss_when_it_was_acknowledged() {
    let views = [view("a", &WHOLE), view("b", &WHOLE[..3])];
    assert_eq!(counts(&views, &acks(&[(14, 3)])), (1, 0, 0));
}

#[test]
fn a_client_that_saw_nothing_lost_everything() {
    let acks = acks(&[(11, 1), (12, 2)]);
    assert_eq!(counts(&[view("a", &[])], &acks), (2, 0, 0));
}

#[test]
fn a_repeated_position_is_a_double() {
    let broken = [(11, 1), (12, 2), (12, 2), (13, -1), (14, 3)];
    assert_eq!(counts(&[view("a", &broken)], &[]), (0, 1, 0));
}

#[test]
fn an_event_from_before_the_view_is_a_double() {
    assert_eq!(counts(&[view("a", &[(10, 9), (11, 1)])], &[]), (0, 1, 0));
}

#[test]
fn a_message_stored_twice_is_a_double() {
    let broken = [(11, 1), (12, 2), (13, 1)];
    assert_eq!(counts(&[view("a", &broken)], &acks(&[(11, 1)])), (0, 1, 0));
}

#[test]
fn a_swap_is_a_disorder() {
    let broken = [(12, 2), (11, 1), (13, -1), (14, 3)];
    assert_eq!(counts(&[view("a", &broken)], &[]), (0, 0, 1));
}

#[test]
fn another_order_elsewhere_is_a_disorder() {
    let other = [(11, 2), (12, 1), (13, -1), (14, 3)];
    assert_eq!(
        counts(&[view("a", &WHOLE), view("b", &other)], &[]),
        (0, 0, 2)
    );
}

#[test]
fn another_position_than_acknowledged_is_a_disorder() {
    let elsewhere = acks(&[(12, 1)]);
    assert_eq!(counts(&[view("a", &WHOLE[..1])], &elsewhere), (0, 0, 0));
    assert_eq!(counts(&[view("a", &WHOLE)], &elsewhere), (0, 0, 1));
    assert_eq!(counts(&[], &acks(&[(11, 1), (11, 2)])), (0, 0, 1));
}

#[test]
fn rooms_do_not_mix() {
    let mut other = view("b", &[(11, 7)]);
    other.room = RoomId::parse("S").unwrap();
    assert_eq!(
        counts(&[view("a", &WHOLE), other], &acks(&[(11, 1)])),
        (0, 0, 0)
    );
}
