use super::*;
use crate::RopeScaling;
use std::num::NonZeroUsize;

fn tiny() -> ModelConfig {
    ModelConfig {
        n_layer: 2,
        n_embd: 20,
        vocab_size: 30,
        block_size: 8,
        ..ModelConfig::default()
    }
}

/// Pseudorandom numbers between -1 and 1, different for each position and parameter.
#[expect(clippy::unnecessary_wraps, reason = "`from_weights` requires it")]
fn mixed(parameter: &Parameter) -> Result<RowReader<'static, ModelError>, ModelError> {
    let (name, width) = (parameter.name.clone(), parameter.width());
    Ok(Box::new(move |rows, weights| {
        let first = name.bytes().map(usize::from).sum::<usize>() + rows.start * width;
        for (i, weight) in weights.iter_mut().enumerate() {
            *weight = ((first + i) as f32 * 1.7).sin();
        }
        Ok(())
    }))
}

/// More rows than a forward pass of either implementation, in a shape that fills no panel and no
/// vector.
#[test]
fn kernels_and_burn_agree_and_prefill_in_chunks_equals_prefill() {
    let config = ModelConfig {
        block_size: 2 * crate::transformer::PREFILL_ROWS + 9,
        n_head: 2,
        n_kv_head: 1,
        ..tiny()
    };
    let ids: Vec<u32> = (0..config.block_size as u32).map(|i| i * 7 % 30).collect();
    let mut all = Vec::new();
    for use_burn_ops in [true, false] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&config, &Device::flex(), options, mixed).unwrap();
        let whole = model.forward(&ids).unwrap();
        assert_eq!(whole.len(), ids.len() * config.vocab_size);
        let mut cache = model.new_cache().unwrap();
        let last = model.forward_cached(&ids, &mut cache).unwrap();
        assert_eq!(cache.len(), ids.len());
        cache.clear();
        let mut rows = Vec::new();
        for ids in [&ids[..7], &ids[7..]] {
            let entry = BatchEntry::new(ids, &mut cache).with_n_logits(usize::MAX);
            rows.extend(model.forward_batch(&mut [entry]).unwrap().remove(0));
        }
        assert_eq!(cache.len(), ids.len());
        all.push((whole, last, rows));
    }
    let scale = scale(&all[0].0);
    for (whole, last, rows) in &all {
        let of_last = &whole[whole.len() - config.vocab_size..];
        for (found, expected) in [(whole, &*all[0].0), (rows, whole), (last, of_last)] {
            let apart = apart(found, expected);
            assert!(
                scale > 0.0 && apart <= 1e-4 * scale,
                "{apart} apart at scale {scale}"
            );
        }
    }
    let (whole, last, rows) = &all[1];
    assert!(whole == rows, "kernels agree bit for bit");
    assert!(
        whole.ends_with(last),
        "kernels agree bit for bit on the last"
    );
}

fn scale(logits: &[f32]) -> f32 {
    logits.iter().fold(0.0, |max, x| max.max(x.abs()))
}

/// The largest difference.
fn apart(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    pairs.fold(0.0, |max, (a, b)| max.max((a - b).abs()))
}

#[test]
fn a_cache_in_f16_changes_logits_by_rounding_only() {
    let logits = |cache| {
        let options = ModelOptions {
            cache,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&tiny(), &Device::flex(), options, mixed).unwrap();
        let mut cache = model.new_cache().unwrap();
        model.forward_cached(&[3, 1, 4, 1, 5], &mut cache).unwrap()
    };
    let [default, f32, f16] = [None, Some(Precision::F32), Some(Precision::F16)].map(logits);
    assert_eq!(default, f32);
    let (scale, apart) = (scale(&f32), apart(&f16, &f32));
    assert!(
        apart > 0.0 && apart <= 2e-3 * scale,
        "{apart} apart at scale {scale}"
    );
}

#[test]
fn an_error_of_a_reader_is_returned() {
    for (bad, use_burn_ops) in [
        ("norm.weight", false),
        ("norm.weight", true),
        ("layers.1.attention.wv.weight", false),
        ("layers.1.attention.wv.weight", true),
    ] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let open = |parameter: &Parameter| -> Result<RowReader<'_, ModelError>, ModelError> {
            let fails = parameter.name == bad;
            Ok(Box::new(move |_, _| {
                if fails {
                    Err(ModelError::NoIds)
                } else {
                    Ok(())
                }
            }))
        };
        let error = WolfgangModel::from_weights(&tiny(), &Device::flex(), options, open);
        assert_eq!(error.unwrap_err(), ModelError::NoIds);
    }
}

#[test]
fn chunks_without_logits_change_no_logits_of_others_or_of_the_next_chunk() {
    for use_burn_ops in [false, true] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&tiny(), &Device::flex(), options, mixed);
        let model = model.unwrap();
        let [mut chunked, mut other, mut whole, mut alone] =
            [(); 4].map(|()| model.new_cache().unwrap());
        let logits = model.forward_batch(&mut [
            BatchEntry::new(&[1, 2, 3], &mut chunked).with_n_logits(0),
            BatchEntry::new(&[7], &mut other),
        ]);
        let expected = model.forward_cached(&[7], &mut alone).unwrap();
        assert_eq!(logits.unwrap(), [vec![], expected]);
        assert_eq!(chunked.len(), 3);
        let last = model.forward_cached(&[4], &mut chunked).unwrap();
        let expected = model.forward_cached(&[1, 2, 3, 4], &mut whole).unwrap();
        if use_burn_ops {
            let close = last
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-5);
            assert!(close, "{last:?} {expected:?}");
        } else {
            assert_eq!(last, expected);
        }
    }
}

#[test]
fn logits_do_not_depend_on_the_buffer_that_holds_them() {
    // A prompt of more rows than a pass of the kernels.
    let config = ModelConfig {
        block_size: 300,
        ..tiny()
    };
    let long = ids(300);
    for use_burn_ops in [false, true] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let model = model(&config, options);
        let with_buffers = |buffers: [Vec<f32>; 3]| {
            let mut caches = [(); 3].map(|()| model.new_cache().unwrap());
            let chunks = [(&long[..], 3), (&[1, 2], 0), (&[7], 1)];
            let batch = caches.iter_mut().zip(chunks).zip(buffers);
            let batch = batch.map(|((cache, (ids, n_logits)), buffer)| {
                let entry = BatchEntry::new(ids, cache).with_n_logits(n_logits);
                entry.with_logits_buffer(buffer)
            });
            model.forward_batch(&mut batch.collect::<Vec<_>>()).unwrap()
        };
        let expected = with_buffers([const { Vec::new() }; 3]);
        assert_eq!(
            expected.iter().map(Vec::len).collect::<Vec<_>>(),
            [90, 0, 30]
        );
        let used = with_buffers([vec![f32::NAN; 7], vec![1.0; 100], vec![2.0; 30]]);
        assert_eq!(used, expected);
    }
}

fn ids(n: usize) -> Vec<u32> {
    (0..n as u32).map(|i| i * 7 % 30).collect()
}

#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
fn model(config: &ModelConfig, options: ModelOptions) -> WolfgangModel {
    WolfgangModel::from_weights(config, &Device::flex(), options, mixed).unwrap()
}

/// Positions of more than two chunks of attention, and of many pages of the cache.
#[test]
fn no_chunking_and_no_number_of_threads_changes_a_bit_beyond_1024_positions() {
    let config = ModelConfig {
        n_head: 2,
        n_kv_head: 1,
        ..tiny().with_block_size(1100)
    };
    let ids = ids(1100);
    let (first, rest) = ids.split_at(1010);
    for precision in [Precision::F32, Precision::F16] {
        let mut expected = None;
        for threads in [1, 2, 4] {
            let options = ModelOptions::from(precision).with_threads(NonZeroUsize::new(threads));
            let model = model(&config, options);
            let whole = model.forward(&ids).unwrap();
            let expected = &*expected.get_or_insert_with(|| whole.clone());
            assert!(whole == *expected, "{precision}, {threads} threads");
            let mut before = model.new_cache().unwrap();
            model.forward_cached(first, &mut before).unwrap();
            for rows in [1, 7, 90] {
                let mut cache = before.clone();
                let mut found = Vec::new();
                for chunk in rest.chunks(rows) {
                    let entry = BatchEntry::new(chunk, &mut cache).with_n_logits(chunk.len());
                    found.append(&mut model.forward_batch(&mut [entry]).unwrap()[0]);
                }
                let expected = &expected[first.len() * config.vocab_size..];
                assert!(
                    found == expected,
                    "{precision}, {threads} threads, {rows} rows"
                );
            }
        }
    }
}

#[test]
fn memory_of_a_cache_grows_with_its_positions_and_is_returned() {
    let config = tiny().with_block_size(1000);
    let ids = ids(600);
    for use_burn_ops in [false, true] {
        let model = model(
            &config,
            ModelOptions::default().with_use_burn_ops(use_burn_ops),
        );
        let mut cache = model.new_cache().unwrap();
        assert_eq!(cache.memory_bytes(), 0);
        let mut last = model.forward_cached(&ids[..10], &mut cache).unwrap();
        let first = cache.memory_bytes();
        assert!(first > 0);
        for chunk in [10..64, 64..65, 65..200, 200..600] {
            let end = chunk.end;
            last = model.forward_cached(&ids[chunk], &mut cache).unwrap();
            let memory = cache.memory_bytes();
            assert!(memory >= first * end / 64, "{memory} for {end}");
            assert!(memory <= first * (end + 64) / 32, "{memory} for {end}");
        }
        let mut whole = model.new_cache().unwrap();
        let expected = model.forward_cached(&ids, &mut whole).unwrap();
        let apart = apart(&last, &expected);
        let tolerance = if use_burn_ops {
            1e-4 * scale(&expected)
        } else {
            0.0
        };
        assert!(apart <= tolerance, "{apart} apart");
        cache.truncate(600);
        assert_eq!(cache.len(), 600);
        cache.clear();
        assert_eq!((cache.len(), cache.memory_bytes()), (0, 0));
    }
}

#[test]
fn clones_of_a_cache_share_its_memory_until_they_write() {
    let config = tiny().with_block_size(1000);
    let model = model(&config, ModelOptions::default());
    let mut cache = model.new_cache().unwrap();
    model.forward_cached(&ids(300), &mut cache).unwrap();
    let (memory, pages) = (cache.memory_bytes(), 5);
    let mut copy = cache.clone();
    assert_eq!(KvCache::total_memory_bytes([&cache, &copy]), memory);
    let one = model.forward_cached(&[1], &mut copy).unwrap();
    let total = KvCache::total_memory_bytes([&cache, &copy]);
    assert_eq!(total, memory + memory / pages);
    let other = model.forward_cached(&[2], &mut cache).unwrap();
    for (id, found) in [(1, one), (2, other)] {
        let all = [ids(300), vec![id]].concat();
        let mut alone = model.new_cache().unwrap();
        assert_eq!(model.forward_cached(&all, &mut alone).unwrap(), found);
    }
    copy.truncate(100);
    assert_eq!(copy.memory_bytes(), 2 * memory / pages);
    let total = KvCache::total_memory_bytes([&cache, &copy]);
    assert_eq!(total, memory, "what is left of the copy is shared");
}

#[test]
fn a_limit_of_the_context_is_reported_and_changes_no_logits() {
    let config = tiny().with_block_size(64);
    let config = config.with_rope_scaling(RopeScaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 16,
    });
    let limited = |context| ModelOptions::default().with_context(NonZeroUsize::new(context));
    for use_burn_ops in [false, true] {
        let whole = model(
            &config,
            ModelOptions::default().with_use_burn_ops(use_burn_ops),
        );
        let model = model(&config, limited(9).with_use_burn_ops(use_burn_ops));
        assert_eq!(*model.config(), config.clone().with_block_size(9));
        assert_eq!(model.new_cache().unwrap().capacity(), 9);
        let ids = ids(9);
        assert_eq!(model.forward(&ids).unwrap(), whole.forward(&ids).unwrap());
        let full = ModelError::ContextFull {
            past: 0,
            new: 10,
            block_size: 9,
        };
        assert_eq!(model.forward(&[0; 10]).unwrap_err(), full);
        let mut cache = model.new_cache().unwrap();
        assert_eq!(cache.reserve(10).unwrap_err(), full);
    }
    let refused = WolfgangModel::from_weights(&config, &Device::flex(), limited(65), mixed);
    let refused = refused.unwrap_err();
    let expected = ModelError::ContextTooLong {
        context: 65,
        block_size: 64,
    };
    assert_eq!(refused, expected);
    let message = refused.to_string();
    assert!(
        message.contains("65") && message.contains("64"),
        "{message}"
    );
}

/// The needed rows of a sequence may begin in any pass, and other sequences may share the last one.
#[test]
fn logits_of_the_last_ids_are_those_of_the_whole() {
    let config = ModelConfig {
        block_size: 2 * crate::transformer::PREFILL_ROWS + 9,
        ..tiny()
    };
    let ids = ids(config.block_size);
    for use_burn_ops in [false, true] {
        let options = ModelOptions {
            use_burn_ops,
            ..ModelOptions::default()
        };
        let model = WolfgangModel::from_weights(&config, &Device::flex(), options, mixed).unwrap();
        let whole = model.forward(&ids).unwrap();
        for n_logits in [0, 1, 2, 9, 10, 300, ids.len()] {
            let [mut long, mut short] = [(); 2].map(|()| model.new_cache().unwrap());
            let batch = &mut [
                BatchEntry::new(&ids, &mut long).with_n_logits(n_logits),
                BatchEntry::new(&ids[..3], &mut short).with_n_logits(2),
            ];
            let logits = model.forward_batch(batch).unwrap();
            let width = config.vocab_size;
            let expected = [
                &whole[whole.len() - n_logits * width..],
                &whole[width..3 * width],
            ];
            for (found, expected) in logits.iter().zip(expected) {
                let limit = if use_burn_ops {
                    1e-4 * scale(&whole)
                } else {
                    0.0
                };
                assert!(apart(found, expected) <= limit, "{n_logits}");
            }
        }
    }
}
