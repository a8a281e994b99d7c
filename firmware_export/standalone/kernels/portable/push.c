#include <string.h>

#include "edge_kernels.h"

void edge_push(const edge_push_t *p, const int8_t *in, int8_t *state)
{
    const uint32_t kept = p->kept, pushed = p->pushed;
    for (int32_t row = 0; row < p->rows; row++) {
        if (pushed == 1) {
            for (uint32_t i = 0; i < kept; i++) {
                state[i] = state[i + 1];
            }
            state[kept] = *in;
        } else {
            memmove(state, state + pushed, kept);
            memcpy(state + kept, in, pushed);
        }
        in += pushed;
        state += kept + pushed;
    }
}
