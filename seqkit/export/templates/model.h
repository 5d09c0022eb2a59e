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
 * C99; expf and sqrtf are all it takes of the library.
 */
#ifndef {{ NAME }}_H
#define {{ NAME }}_H

#ifdef __cplusplus
extern "C" {
#endif

enum { {{ NAME }}_OUTPUTS = {{ outputs }}, {{ NAME }}_INPUTS = {{ inputs }}, {{ NAME }}_VECTORS = {{ vectors | length }} };

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
#include <string.h>

#if defined(__GNUC__)
#define {{ NAME }}_ALIGNED __attribute__((aligned(64)))
#else
#define {{ NAME }}_ALIGNED
#endif
{% for array in arrays %}
static const {{ array.type }} {{ name }}_{{ array.name }}[{{ array.size }}] {{ NAME }}_ALIGNED = {
{{ array.text }}
};
{%- endfor %}

static const char *const {{ name }}_labels[] = { {{ labels | join(", ") or '""' }} };

/* y[j] += sum_i x[i] w[i][j], four inputs at once so that y is read and written a quarter as often */
static void {{ name }}_product(const {{ weight }} *restrict w, const float *restrict x, float *restrict y, int rows, int columns)
{
    int i = 0, j;
    for (; i + 3 < rows; i += 4, w += 4 * columns)
        for (j = 0; j < columns; ++j)
            y[j] += x[i] * (float)w[j] + x[i + 1] * (float)w[columns + j] + x[i + 2] * (float)w[2 * columns + j] +
                    x[i + 3] * (float)w[3 * columns + j];
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

/* exp(-x) as 2^k exp(r), |r| <= ln(2) / 2, by Taylor's series to the sixth power: within 2e-7 of itself, and without a branch */
static float {{ name }}_exp_minus(float x)
{
    union { int bits; float value; } power;
    float t, r;
    x = x > 80.0f ? 80.0f : x < -80.0f ? -80.0f : x;
    t = x * -1.44269504f;
    power.bits = (int)(t + (t < 0.0f ? -0.5f : 0.5f));
    r = (t - (float)power.bits) * 0.693147181f;
    power.bits = (power.bits + 127) * (1 << 23);
    return power.value * (1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f +
                          r * (0.00833333333f + r * 0.00138888889f))))));
}

static void {{ name }}_sigmoid(float *x, int size)
{
    int i;
    for (i = 0; i < size; ++i)
        x[i] = 1.0f / (1.0f + {{ name }}_exp_minus(x[i]));
}

static void {{ name }}_tanh(float *x, int size)
{
    int i;
    for (i = 0; i < size; ++i)
        x[i] = 2.0f / (1.0f + {{ name }}_exp_minus(2.0f * x[i])) - 1.0f;
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
{%- set step = "given[t]" if ids else "given + t * " ~ NAME ~ "_INPUTS" %}
{%- if whole %}
        {{ name }}_feed(&state, {{ step }});
    }
    {{ name }}_finish(&state, outputs);
    {
{%- else %}
        {{ name }}_step(&state, {{ step }}, outputs);
{%- endif %}
        for (i = 0; i < {{ NAME }}_OUTPUTS; ++i)
            if (!(fabsf(outputs[i] - *wanted++) <= {{ tolerance }}f))
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
