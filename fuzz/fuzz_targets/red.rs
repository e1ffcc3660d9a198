//! Sound that repeats what came before it (RFC 2198): read, written again, and gaps filled from it.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use signalling::sfu::red::{self, Gaps};

/// One packet: its number and time as steps from the one before, and its payload.
type Step<'a> = (i8, u16, &'a [u8]);

fuzz_target!(|steps: Vec<Step<'_>>| {
    let (mut seq, mut time) = (1_000u64, u32::MAX - 10_000);
    let mut gaps = Gaps::default();
    let mut have = BTreeSet::new();
    for (step, later, payload) in steps.into_iter().take(200) {
        seq = seq.saturating_add_signed(step.into());
        time = time.wrapping_add(later.into());
        gaps.came(1, seq, time);
        have.insert(seq);
        let Some(blocks) = red::parse(payload) else {
            continue;
        };
        assert!(!payload[blocks.primary.clone()].is_empty());
        assert_eq!(blocks.primary.end, payload.len());
        for (place, block) in blocks.latest_first().enumerate() {
            assert!(place < red::BLOCKS_MAX);
            assert!(payload.get(block.part.clone()).is_some());
            let at = time.wrapping_sub(block.offset);
            if let Some(missing) = gaps.missing(seq, place, at) {
                assert!(missing < seq && !have.contains(&missing));
                gaps.came(1, missing, at);
                have.insert(missing);
            }
        }
        // What is written of it is read as the same, without what cannot be repeated.
        let mut earlier: Vec<(u32, &[u8])> = blocks
            .latest_first()
            .map(|block| (block.offset, &payload[block.part.clone()]))
            .collect();
        earlier.reverse();
        let mut written = Vec::new();
        let primary = &payload[blocks.primary.clone()];
        red::write(
            &mut written,
            blocks.payload_type,
            earlier.iter().copied(),
            primary,
        );
        let again = red::parse(&written).expect("what was written");
        assert_eq!(&written[again.primary.clone()], primary);
        let fit = earlier
            .iter()
            .rev()
            .filter(|(offset, bytes)| red::fits(*offset, bytes));
        assert!(
            again
                .latest_first()
                .map(|block| (block.offset, &written[block.part.clone()]))
                .eq(fit.copied())
        );
    }
});
