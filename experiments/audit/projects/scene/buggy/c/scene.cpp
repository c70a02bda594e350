#include <new>
#include <stdexcept>
#include <string>
#include <vector>

struct Malformed {
    int line;
};

struct Scene {
    std::vector<int> children;
    int mask = 0;
};

static int number(const char *text, int line)
{
    int value = 0;
    if (*text < '0' || *text > '9')
        throw Malformed{line};
    for (; *text >= '0' && *text <= '9'; text++)
        value = 10 * value + (*text - '0');
    return value;
}

static void node(Scene &scene, const char *text, int line)
{
    int value = number(text, line);
    scene.children.push_back(value);
    scene.mask |= value;
}

static void parse(Scene &scene, const char *text)
{
    int line = 1;
    while (*text) {
        node(scene, text, line++);
        while (*text && *text != '\n')
            text++;
        if (*text)
            text++;
    }
}

extern "C" Scene *scene_new()
{
    return new (std::nothrow) Scene;
}

extern "C" void scene_free(Scene *scene)
{
    delete scene;
}

extern "C" int scene_load(Scene *scene, const char *text)
{
    parse(*scene, text);
    return 0;
}

extern "C" int scene_child(const Scene *scene, std::size_t index)
{
    return scene->children.at(index);
}

extern "C" int scene_visible(const Scene *scene, int node)
{
    return scene->mask & node;
}
