//! Links that carry no picture, in virtual time: sound goes on, the receiver is told, and the picture comes back by itself.

use std::time::{Duration, Instant};

use signalling::{LinkQuality, MediaEvent, PeerKey, Source, Transport, View};

use crate::net::{Link, Net};

const SECOND: Duration = Duration::from_secs(1);
/// Layers of about 150, 270 and 510 kbit/s with the headers.
const SIZE: usize = 300;

/// One who watches another's camera and hears them.
struct Watch {
    net: Net,
    from: PeerKey,
    by: PeerKey,
}

impl Watch {
    fn begin() -> Self {
        let mut net = Net::new();
        let from = net.join(1, &[Source::Mic, Source::Camera], 1);
        net.client(from).ups.get_mut(&Source::Camera).unwrap().size = SIZE;
        let by = net.join(2, &[], 1);
        let view = View {
            peer: from,
            source: Source::Camera,
            width: 1280,
            pinned: false,
        };
        net.sfu.view(net.now, by, vec![view]);
        let mut watch = Self { net, from, by };
        watch.net.until("sound and picture", |net| {
            [Source::Mic, Source::Camera].iter().all(|source| {
                let mid = net.mid(by, from, *source);
                mid.is_some_and(|mid| net.has(by, &mid))
            })
        });
        watch.net.run(5 * SECOND);
        watch
    }

    fn link(&mut self, link: Link) {
        self.net.links.insert(self.by, link);
    }

    fn arrivals(&self, source: Source, since: Instant) -> Vec<Instant> {
        let mid = self.net.mid(self.by, self.from, source).unwrap();
        let packets = self.net.clients[&self.by].packets(&mid);
        let arrivals = packets.iter().map(|packet| packet.timestamp);
        arrivals.filter(|at| *at >= since).collect()
    }

    fn is_paused(net: &Net, by: PeerKey) -> bool {
        net.slots(by).iter().any(|slot| slot.paused)
    }

    /// Runs until the receiver is told that the picture is paused, or that it is not; for how long.
    fn until_paused(&mut self, paused: bool) -> Duration {
        let (start, by) = (self.net.now, self.by);
        self.net
            .until("the pause", |net| Self::is_paused(net, by) == paused);
        self.net.now - start
    }

    /// How often the receiver was told of a pause or its end.
    fn turns(&self) -> usize {
        let mut told = vec![false];
        for event in &self.net.events {
            if let MediaEvent::Slots { peer, slots, .. } = event
                && *peer == self.by
            {
                told.push(slots.iter().any(|slot| slot.paused));
            }
        }
        told.dedup();
        told.len() - 1
    }
}

fn longest_gap(arrivals: &[Instant]) -> Duration {
    let gaps = arrivals.windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap_or_default()
}

#[test]
fn a_link_that_carries_only_sound_carries_sound_and_the_receiver_is_told() {
    let mut watch = Watch::begin();
    watch.link(Link::of(80_000));
    let told = watch.until_paused(true);
    assert!(told < 10 * SECOND, "{told:?}");

    watch.net.run(3 * SECOND);
    let since = watch.net.now;
    watch.net.run(60 * SECOND);
    let sound = watch.arrivals(Source::Mic, since);
    let pictures = watch.arrivals(Source::Camera, since);
    assert!(pictures.is_empty(), "{} pictures", pictures.len());
    assert!(sound.len() > 2_900, "{} of 3,000", sound.len());
    assert!(
        longest_gap(&sound) < SECOND / 2,
        "{:?}",
        longest_gap(&sound)
    );
    assert_eq!(watch.turns(), 1);
}

#[test]
fn a_picture_as_small_as_sound_does_not_keep_a_queue_full() {
    let mut watch = Watch::begin();
    let sizes = &mut watch.net.client(watch.from).ups;
    sizes.get_mut(&Source::Camera).unwrap().size = 10;
    sizes.get_mut(&Source::Mic).unwrap().size = 80;
    watch.net.run(10 * SECOND);
    // Sound takes 50 kbit/s of it and the lowest layer 20, most of that headers.
    watch.link(Link::of(60_000));
    let told = watch.until_paused(true);
    assert!(told < 20 * SECOND, "{told:?}");
    watch.net.run(3 * SECOND);
    let since = watch.net.now;
    watch.net.run(20 * SECOND);
    let sound = watch.arrivals(Source::Mic, since);
    assert!(sound.len() > 980, "{} of 1,000", sound.len());
}

#[test]
fn the_picture_comes_back_by_itself_and_is_told_only_when_it_runs() {
    let mut watch = Watch::begin();
    watch.link(Link::of(80_000));
    watch.until_paused(true);
    watch.net.run(20 * SECOND);
    watch.link(Link::of(1_000_000));
    let opened = watch.net.now;
    let back = watch.until_paused(false);
    assert!(back < 20 * SECOND, "{back:?}");
    assert!(!watch.arrivals(Source::Camera, opened).is_empty());
    watch.net.run(60 * SECOND);
    assert_eq!(watch.turns(), 2, "it flapped");
    let since = watch.net.now;
    watch.net.run(5 * SECOND);
    let gap = longest_gap(&watch.arrivals(Source::Camera, since));
    assert!(gap < SECOND, "{gap:?}");
}

#[test]
fn on_a_link_about_as_wide_as_the_lowest_layer_the_picture_does_not_flap_and_sound_goes_on() {
    for bps in [140_000, 180_000, 220_000] {
        let mut watch = Watch::begin();
        watch.link(Link::of(bps));
        watch.net.run(30 * SECOND);
        let (since, before) = (watch.net.now, watch.turns());
        watch.net.run(60 * SECOND);
        let sound = watch.arrivals(Source::Mic, since);
        let turns = watch.turns() - before;
        assert!(turns <= 3, "{bps}: {turns} turns in a minute");
        assert!(sound.len() > 2_850, "{bps}: {} of 3,000", sound.len());
        assert!(
            longest_gap(&sound) < SECOND,
            "{bps}: {:?}",
            longest_gap(&sound)
        );
    }
}

#[test]
fn a_short_dip_pauses_nothing() {
    let mut watch = Watch::begin();
    watch.link(Link::of(80_000));
    watch.net.run(SECOND);
    watch.link(Link::OPEN);
    watch.net.run(30 * SECOND);
    assert_eq!(watch.turns(), 0);
}

#[test]
fn what_is_lost_on_the_way_from_a_sender_is_told_also_of_one_who_hears_nobody() {
    let mut net = Net::new();
    let alone = net.join(1, &[Source::Mic, Source::Camera], 1);
    net.until("connected", Net::all_connected);
    let links = |net: &Net| -> Vec<LinkQuality> {
        let mut links = Vec::new();
        for event in &net.events {
            if let MediaEvent::Quality { peer, link, .. } = event
                && *peer == alone
            {
                links.push(*link);
            }
        }
        links
    };
    net.run(7 * SECOND);
    let clean = links(&net);
    assert!((3..=4).contains(&clean.len()), "{clean:?}");
    let last = clean.last().unwrap();
    assert_eq!((last.up_loss_pct, last.loss_pct), (0, 0));
    assert!((30_000..400_000).contains(&last.up_bps), "{last:?}");
    assert_eq!(last.transport, Some(Transport::Udp));

    net.loss_every = Some(8);
    net.run(7 * SECOND);
    let lossy = links(&net).last().unwrap().up_loss_pct;
    assert!((8..=17).contains(&lossy), "{lossy}");
}

#[test]
fn what_is_lost_either_way_is_told_by_its_share_and_of_whose_link_it_is() {
    let mut net = Net::new();
    let all = [Source::Mic, Source::Camera];
    let [hears_badly, is_heard_badly, well] = [1, 2, 3].map(|key| net.join(key, &all, 2));
    net.until("connected", Net::all_connected);
    net.run(5 * SECOND);
    let since = net.events.len();
    net.links.insert(hears_badly, Link::losing(10));
    net.uplinks.insert(is_heard_badly, Link::losing(20));
    net.run(20 * SECOND);
    let mean = |of: PeerKey, share: fn(&LinkQuality) -> u8| -> u32 {
        let told = net.events[since..].iter().filter_map(|event| {
            let MediaEvent::Quality { peer, link, .. } = event else {
                return None;
            };
            (*peer == of).then(|| u32::from(share(link)))
        });
        let told: Vec<u32> = told.collect();
        assert!((9..=11).contains(&told.len()), "every 2 s: {told:?}");
        told.iter().sum::<u32>() / told.len() as u32
    };
    let (down, up) = (
        |link: &LinkQuality| link.loss_pct,
        |link: &LinkQuality| link.up_loss_pct,
    );
    let [own_down, own_up] = [mean(hears_badly, down), mean(hears_badly, up)];
    assert!((8..=12).contains(&own_down), "{own_down} of 10");
    assert_eq!(own_up, 0);
    let lost = mean(is_heard_badly, up);
    assert!((16..=24).contains(&lost), "{lost} of 20");
    // What one does not hear of the other was lost before, on another link.
    assert_eq!((mean(well, down), mean(well, up)), (0, 0));
}

/// A camera in a single layer of about 2.5 Mbit/s, as of a device.
fn heavy(link: Link) -> Watch {
    let mut net = Net::new();
    let from = net.join(1, &[Source::Mic, Source::Camera], 1);
    let client = net.client(from);
    client.layers = 1;
    let camera = client.ups.get_mut(&Source::Camera).unwrap();
    (camera.size, camera.parts) = (1_150, 10);
    let by = net.join(2, &[], 1);
    net.links.insert(by, link);
    let view = View {
        peer: from,
        source: Source::Camera,
        width: 1280,
        pinned: false,
    };
    net.sfu.view(net.now, by, vec![view]);
    let mut watch = Watch { net, from, by };
    watch.net.until("a picture", |net| {
        net.mid(by, from, Source::Camera)
            .is_some_and(|mid| net.has(by, &mid))
    });
    watch
}

#[test]
fn a_fast_link_that_hiccups_carries_a_heavy_picture() {
    for stall in [100, 300, 600] {
        let mut watch = heavy(Link::stalling(Duration::from_millis(stall), 3 * SECOND));
        let since = watch.net.now;
        watch.net.run(60 * SECOND);
        let pictures = watch.arrivals(Source::Camera, since).len();
        println!("{stall} ms: {} turns, {pictures} packets", watch.turns());
        assert_eq!(watch.turns(), 0, "{stall} ms: paused, {pictures} packets");
        assert!(pictures > 14_000, "{stall} ms: {pictures} of 15,000");
    }
}

#[test]
fn a_heavy_picture_plays_while_the_link_is_still_being_learnt() {
    for jitter in [10, 30, 60] {
        let mut watch = heavy(Link::jittery(Duration::from_millis(jitter)));
        let since = watch.net.now;
        watch.net.run(60 * SECOND);
        let pictures = watch.arrivals(Source::Camera, since).len();
        println!("{jitter} ms: {} turns, {pictures} packets", watch.turns());
        assert_eq!(watch.turns(), 0, "{jitter} ms: paused, {pictures} packets");
        assert!(pictures > 14_000, "{jitter} ms: {pictures} of 15,000");
    }
}
