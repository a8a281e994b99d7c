"""Epochs are divided among phases: none left over, no phase without."""

import pytest

from edge_tf.compression import RECIPES, phase_step
from edge_tf.compression.phase import Phase, epochs_of
from edge_tf.compression.settings import Settings
from edge_tf.errors import UserError


@pytest.mark.parametrize("total", range(3, 60))
def test_all_epochs_are_dealt_out_near_the_published_shares(total):
    chain = [[Phase("a", 30), Phase("b", 100), Phase("c", 70)]]
    epochs = epochs_of(chain, total)
    assert sum(epochs) == total and min(epochs) >= 1
    for share, given in zip((30, 100, 70), epochs, strict=True):
        assert abs(given - total * share / 200) < 1.5


def test_recipes_of_a_chain_get_equal_parts():
    chain = [[Phase("a")], [Phase("b"), Phase("c")]]
    assert epochs_of(chain, 8) == [4, 2, 2]
    assert epochs_of(chain, 3) == [1, 1, 1]
    with pytest.raises(ValueError, match="2 epochs for 3 phases"):
        epochs_of(chain, 2)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_file_whose_phases_have_different_names(name):
    phases = phase_step.phases_of(name, Settings((name,), teacher="digest"))
    assert phases and len({phase.name for phase in phases}) == len(phases)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"recipes": ("qat", "squash")}, "--recipe has 'squash'; choose from prune, qat"),
        ({"recipes": ()}, "--recipe has ''; choose"),
        ({"recipes": ("distill",)}, "--recipe=distill needs a teacher; name a larger run"),
        ({"recipes": ("qkd",)}, "--recipe=qkd needs a teacher"),
        ({"sparsity": 1.0}, "--sparsity=1 is not in [0, 1); 0.8 sets 80 %"),
        ({"sparsity": -0.1}, "--sparsity=-0.1 is not in"),
        ({"sparsity": float("nan")}, "--sparsity=nan is not in"),
        ({"distill_features": "all"}, "--distill_features=all is unknown; choose one of"),
        ({"distill_features": "factor"}, "--distill_features needs a teacher; add"),
        ({"distill_weight": 1.5}, "--distill_weight in 0 to 1"),
        ({"temperature": 0.0}, "--temperature must be above 0"),
        ({"bits": 1}, "--bits=1 is not in 2 to 8"),
        ({"prune": ("dense",)}, "--prune has 'dense'; choose from pointwise"),
        ({"prune": ()}, "--prune names no kernels; choose from"),
        ({"epochs": 0}, "--epochs must be at least 1"),
        ({"peak_rate": -0.1}, "--peak_rate not negative"),
        ({"peak_rate": float("nan")}, "--peak_rate not negative"),
    ],
)
def test_bad_settings_are_reported_in_one_line(values, message):
    with pytest.raises(UserError) as error:
        Settings(**{"recipes": ("qat",), **values})
    assert message in str(error.value)


def test_the_rate_is_the_recipes_unless_it_is_named():
    assert Settings(("qat",)).peak_rate == RECIPES["qat"].peak_rate < RECIPES["prune"].peak_rate
    assert Settings(("prune", "qat")).peak_rate == RECIPES["prune"].peak_rate
    assert Settings(("qat",), peak_rate=0.03).peak_rate == 0.03


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_says_whether_it_prunes(name):
    phases = phase_step.phases_of(name, Settings((name,), teacher="digest"))
    assert RECIPES[name].prunes == any(phase.sparsity is not None for phase in phases)
