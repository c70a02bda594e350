#include <stdlib.h>

struct voice {
    struct voice *next;
    int channel, plays;
};

struct mixer {
    int channels;
};

static struct voice *voices;
static int playing;
static void (*underrun)(int);

struct mixer *mixer_new(int channels)
{
    struct mixer *mixer = malloc(sizeof *mixer);
    if (mixer)
        mixer->channels = channels;
    return mixer;
}

void mixer_free(struct mixer *mixer)
{
    while (voices) {
        struct voice *next = voices->next;
        free(voices);
        voices = next;
    }
    free(mixer);
}

struct voice *mixer_voice(struct mixer *mixer, int channel)
{
    if (channel >= mixer->channels)
        return NULL;
    struct voice *voice = calloc(1, sizeof *voice);
    if (!voice)
        return NULL;
    voice->channel = channel;
    voice->next = voices;
    voices = voice;
    return voice;
}

int voice_play(struct voice *voice)
{
    voice->plays++;
    playing++;
    if (playing > 32 && underrun)
        underrun(playing - 32);
    return voice->plays > 1000;
}

void mixer_underrun(void (*hook)(int))
{
    underrun = hook;
}
