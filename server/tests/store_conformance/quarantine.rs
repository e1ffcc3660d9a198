//! Files in quarantine.

use protocol::FileId;
use server::store::Infected;

use crate::school::{on_both, school};

#[tokio::test]
async fn files_in_quarantine_are_told_by_room_the_newest_first() {
    on_both(|store| async move {
        let s = school(store).await;
        for (k, at) in [(1, 1_000), (2, 3_000), (3, 2_000)] {
            let infected = Infected {
                id: FileId::parse(format!("f{k}")).unwrap(),
                name: format!("{k}.zip"),
                size: 5_000_000_000,
                sha256: "00".repeat(32),
                virus: "Eicar".to_owned(),
            };
            let added = s.store.add_quarantined(&s.room, &s.misha, &infected, at);
            added.await.unwrap();
        }
        let told = s.store.quarantined(&s.room).await.unwrap();
        let names: Vec<_> = told.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["2.zip", "3.zip", "1.zip"]);
        assert_eq!(
            (told[0].size, &told[0].by, told[0].at.as_str()),
            (5_000_000_000, &s.misha, "1970-01-01T00:00:03.000Z")
        );
        let elsewhere = s
            .store
            .add_room("Другая", std::slice::from_ref(&s.anna), 1)
            .await;
        assert_eq!(s.store.quarantined(&elsewhere.unwrap()).await.unwrap(), []);
    })
    .await;
}
