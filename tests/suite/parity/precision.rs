//! How reduced precisions change the perplexity of a text that the model was not trained on.

use crate::fixtures::repository;
use wolfgang_checkpoint::Checkpoint;
use wolfgang_generate::{Device, Precision, Tokenizer, WolfgangGenerator};

/// Goethe's Erlkönig is not in the Faust that the model was trained on.
#[test]
fn reduced_precisions_change_perplexity_within_the_documented_range() {
    let poem = std::fs::read_to_string(repository("xtask/data/erlkoenig.txt")).unwrap();
    let perplexity = |precision: Precision| {
        let checkpoint = Checkpoint::open(repository("models/faust")).unwrap();
        let model = checkpoint.into_model_with(&Device::flex(), precision, &mut ());
        let tokenizer = Tokenizer::from_file(repository("models/faust/tokenizer.json"));
        let generator = WolfgangGenerator::new(model.unwrap(), tokenizer.unwrap()).unwrap();
        generator.score(&poem).unwrap().perplexity().unwrap()
    };
    let exact = perplexity(Precision::F32);
    for (precision, least, most) in [
        (Precision::F16, 1e-5, 0.001),
        (Precision::Bf16, 5e-5, 0.001),
        (Precision::Int8, 1e-4, 0.005),
        (Precision::Int4, 1e-4, 0.015),
    ] {
        // Rounding moves it either way; a change of 0 would be that of weights that are still f32.
        let change = (perplexity(precision) / exact - 1.0).abs();
        assert!(
            (least..=most).contains(&change),
            "{precision}: {change} from {exact}"
        );
    }
}
