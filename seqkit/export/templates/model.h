/* {{ title }}
 *
 * One {{ "row" if whole else "stream" }} at a time, {{ "its steps fed one by one" if whole else "step by step" }}; nothing is allocated, and all that changes lies in a struct of yours.
 * In one source file:
 *
 *     #define {{ NAME }}_IMPLEMENTATION
 *     #include "{{ file }}"
 *
 *     {{ name }}_state state;
 *     float outputs[{{ NAME }}_OUTPUTS];
 *     {{ name }}_reset(&state);
{%- if whole %}
 *     {{ name }}_feed(&state, {{ "id" if ids else "frame" }});             every step of the row
 *     {{ name }}_finish(&state, outputs);          logits
{%- else %}
 *     {{ name }}_step(&state, {{ "id" if ids else "frame" }}, outputs);    logits
{%- endif %}
 *     {{ name }}_softmax(outputs);                 probabilities
{%- if ids %}
 *
 * Ids are those of tokenizer.json beside this file.
{%- endif %}
 * C99; expf and sqrtf, and of some cells logf, sinf and cosf, are all it takes of the library.
 */
#ifndef {{ NAME }}_H
#define {{ NAME }}_H

#ifdef __cplusplus
extern "C" {
#endif

enum {
    {{ NAME }}_OUTPUTS = {{ outputs }},
{%- if ids %}
    {{ NAME }}_TOKENS = {{ tokens }},
{%- if longest %}
    {{ NAME }}_LONGEST = {{ longest }}, /* ids of a text, its end among them: a longer one is cut before the end */
{%- endif %}
{%- else %}
    {{ NAME }}_INPUTS = {{ inputs }},
{%- endif %}
    {{ NAME }}_LABELS = {{ labels | length }}
};

typedef struct {
{%- for state in states %}
    float {{ state.name }}[{{ state.size }}];
{%- endfor %}
    unsigned long steps;
} {{ name }}_state;

{% set input = "int id" if ids else "const float *frame" %}
void {{ name }}_reset({{ name }}_state *state);
{%- if whole %}
void {{ name }}_feed({{ name }}_state *state, {{ input }});
void {{ name }}_finish(const {{ name }}_state *state, float *outputs);
{%- else %}
void {{ name }}_step({{ name }}_state *state, {{ input }}, float *outputs);
{%- endif %}
void {{ name }}_softmax(float *outputs);
const char *{{ name }}_label(int output); /* "" where outputs have no names */
int {{ name }}_self_test(void); /* 0, or the number of the first test vector that is answered otherwise */

#ifdef __cplusplus
}
#endif
#endif /* {{ NAME }}_H */

#ifdef {{ NAME }}_IMPLEMENTATION

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define {{ NAME }}_ALIGNED __attribute__((aligned(64)))
#define {{ NAME }}_INLINE static inline __attribute__((always_inline, unused))
#else
#define {{ NAME }}_ALIGNED
#define {{ NAME }}_INLINE static inline
#endif
{% for array in arrays %}
static const {{ array.type }} {{ name }}_{{ array.name }}[{{ array.size }}] {{ NAME }}_ALIGNED = {
{{ array.text }}
};
{%- endfor %}

static const char *const {{ name }}_labels[] = { {{ labels | join(", ") or '""' }} };

/* y[j] += sum_i x[i] w[i][j], eight rows at once so that y is read and written an eighth as often, and blocks of columns whose
   length is a constant, without which -O2 makes no vectors of them */
static void {{ name }}_product(const {{ weight }} *restrict w, const float *restrict x, float *restrict y, int rows, int columns)
{
    const int block = 64;
    int i = 0, j, k;
    for (; i + 7 < rows; i += 8, w += 8 * columns) {
        for (j = 0; j + block <= columns; j += block) {
            const {{ weight }} *restrict v = w + j;
            float *restrict z = y + j;
            for (k = 0; k < block; ++k)
                z[k] += x[i] * (float)v[k] + x[i + 1] * (float)v[columns + k] + x[i + 2] * (float)v[2 * columns + k] +
                        x[i + 3] * (float)v[3 * columns + k] + x[i + 4] * (float)v[4 * columns + k] +
                        x[i + 5] * (float)v[5 * columns + k] + x[i + 6] * (float)v[6 * columns + k] +
                        x[i + 7] * (float)v[7 * columns + k];
        }
        for (k = 0; k < 8; ++k) {
            const {{ weight }} *restrict v = w + k * columns;
            int rest;
            for (rest = j; rest < columns; ++rest)
                y[rest] += x[i + k] * (float)v[rest];
        }
    }
    for (; i < rows; ++i, w += columns)
        for (j = 0; j < columns; ++j)
            y[j] += x[i] * (float)w[j];
}

{% if scaled -%}
static void {{ name }}_affine(const {{ weight }} *w, const float *scales, const float *bias, const float *x, float *y, int rows, int columns)
{
    int j;
    memset(y, 0, (size_t)columns * sizeof *y);
    {{ name }}_product(w, x, y, rows, columns);
    for (j = 0; j < columns; ++j)
        y[j] = y[j] * scales[j] + bias[j];
}
{%- else -%}
static void {{ name }}_affine(const float *w, const float *bias, const float *x, float *y, int rows, int columns)
{
    memcpy(y, bias, (size_t)columns * sizeof *y);
    {{ name }}_product(w, x, y, rows, columns);
}
{%- endif %}

/* exp(-x) as 2^k exp(r), |r| <= ln(2) / 2, by Taylor's series to the sixth power: within 2e-7 of itself. Without a branch or a
   comparison of floats, so that compilers make vectors of the loops around it; what is no number stays so. */
{{ NAME }}_INLINE float {{ name }}_exp_minus(float x)
{
    union { int32_t bits; float value; } near, power;
    int32_t size;
    float t, r;
    near.value = x;
    size = near.bits & 0x7fffffff;
    size = size < 0x42a00000 ? size : 0x42a00000; /* at most 80 */
    near.bits = (near.bits & ~0x7fffffff) | size;
    t = near.value * -1.44269504f;
    power.bits = (int32_t)(t + 128.5f) - 128;
    r = (t - (float)power.bits) * 0.693147181f;
    power.bits = (power.bits + 127) * (1 << 23);
    return power.value * (1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f +
                          r * (0.00833333333f + r * 0.00138888889f)))))) + (x - x);
}

{{ NAME }}_INLINE float {{ name }}_sigmoid(float x)
{
    return 1.0f / (1.0f + {{ name }}_exp_minus(x));
}

{{ NAME }}_INLINE float {{ name }}_tanh(float x)
{
    return 2.0f / (1.0f + {{ name }}_exp_minus(2.0f * x)) - 1.0f;
}

void {{ name }}_reset({{ name }}_state *state)
{
    memset(state, 0, sizeof *state);
}

{% if whole -%}
void {{ name }}_feed({{ name }}_state *state, {{ input }})
{%- else -%}
void {{ name }}_step({{ name }}_state *state, {{ input }}, float *outputs)
{%- endif %}
{
    int i;
{%- if ids %}
    id = id >= 0 && id < {{ NAME }}_TOKENS ? id : {{ unknown }};
{%- endif %}
{%- for scratch in scratches %}
    float {{ scratch.name }}[{{ scratch.size }}];
{%- endfor %}
{%- for line in lines %}
    {{ line }}
{%- endfor %}
    (void)i;
    ++state->steps;
}
{% if whole %}
void {{ name }}_finish(const {{ name }}_state *state, float *outputs)
{
    int i;
{%- for scratch in last_scratches %}
    float {{ scratch.name }}[{{ scratch.size }}];
{%- endfor %}
{%- for line in last_lines %}
    {{ line }}
{%- endfor %}
    (void)i;
}
{% endif %}
void {{ name }}_softmax(float *outputs)
{
    float highest = outputs[0], sum = 0.0f;
    int i;
    for (i = 1; i < {{ NAME }}_OUTPUTS; ++i)
        highest = outputs[i] > highest ? outputs[i] : highest;
    for (i = 0; i < {{ NAME }}_OUTPUTS; ++i)
        sum += outputs[i] = expf(outputs[i] - highest);
    for (i = 0; i < {{ NAME }}_OUTPUTS; ++i)
        outputs[i] /= sum;
}

const char *{{ name }}_label(int output)
{
    return output >= 0 && output < {{ labels | length }} ? {{ name }}_labels[output] : "";
}
{% for vector in vectors %}
static const {{ "int" if ids else "float" }} {{ name }}_given_{{ loop.index }}[] = { {{ vector.given }} };
static const float {{ name }}_wanted_{{ loop.index }}[] = { {{ vector.wanted }} };
{%- endfor %}

static int {{ name }}_answers(const {{ "int" if ids else "float" }} *given, const float *wanted, int steps)
{
    {{ name }}_state state;
    float outputs[{{ NAME }}_OUTPUTS];
    int t, i;
    {{ name }}_reset(&state);
    for (t = 0; t < steps; ++t) {
{%- set step = "given[t]" if ids else "given + t * " ~ inputs %}
{%- if whole %}
        {{ name }}_feed(&state, {{ step }});
    }
    {{ name }}_finish(&state, outputs);
    {
{%- else %}
        {{ name }}_step(&state, {{ step }}, outputs);
{%- endif %}
        for (i = 0; i < {{ NAME }}_OUTPUTS; ++i, ++wanted)
            if (!(fabsf(outputs[i] - *wanted) <= {{ tolerance }}f * (1.0f + fabsf(*wanted))))
                return 0;
    }
    return 1;
}

int {{ name }}_self_test(void)
{
{%- for vector in vectors %}
    if (!{{ name }}_answers({{ name }}_given_{{ loop.index }}, {{ name }}_wanted_{{ loop.index }}, {{ vector.steps }}))
        return {{ loop.index }};
{%- endfor %}
    return 0;
}

#endif /* {{ NAME }}_IMPLEMENTATION */
