// SPDX-License-Identifier: Apache-2.0
// A stub for the tests: it checks syntax and our own calls, not the vendor's interface.
package gradle

import org.jetbrains.kotlin.gradle.dsl.JvmTarget

class Build {
    val rootProject = Named()

    fun plugins(make: Plugins.() -> Unit) = Plugins().make()

    fun pluginManagement(make: Management.() -> Unit) = Management().make()

    fun dependencyResolutionManagement(make: Management.() -> Unit) = Management().make()

    fun include(path: String) = check(path.startsWith(":"))

    fun android(make: Android.() -> Unit) = Android().make()

    fun kotlin(make: Kotlin.() -> Unit) = Kotlin().make()

    fun dependencies(make: Dependencies.() -> Unit) = Dependencies().make()
}

class Named {
    var name = ""
}

class Plugins {
    fun id(name: String) = Plugin(name)
}

class Plugin(val name: String) {
    infix fun version(number: String) = also { check(number.isNotEmpty()) }

    infix fun apply(now: Boolean) = also { check(!now) }
}

class Management {
    val repositoriesMode = Mode()

    fun repositories(make: Repositories.() -> Unit) = Repositories().make()
}

class Mode {
    fun set(mode: RepositoriesMode) = check(mode == RepositoriesMode.FAIL_ON_PROJECT_REPOS)
}

enum class RepositoriesMode { FAIL_ON_PROJECT_REPOS }

class Repositories {
    fun google() = Unit

    fun mavenCentral() = Unit

    fun gradlePluginPortal() = Unit
}

class Android {
    var namespace = ""
    var compileSdk = 0

    fun defaultConfig(make: DefaultConfig.() -> Unit) = DefaultConfig().make()

    fun androidResources(make: Resources.() -> Unit) = Resources().make()

    fun compileOptions(make: Options.() -> Unit) = Options().make()
}

class DefaultConfig {
    var applicationId = ""
    var minSdk = 0
    var targetSdk = 0
    var versionCode = 0
    var versionName = ""
}

class Resources {
    val noCompress = mutableListOf<String>()
}

class Options {
    var sourceCompatibility = JavaVersion.VERSION_1_8
    var targetCompatibility = JavaVersion.VERSION_1_8
}

enum class JavaVersion { VERSION_1_8, VERSION_17 }

class Kotlin {
    fun compilerOptions(make: CompilerOptions.() -> Unit) = CompilerOptions().make()
}

class CompilerOptions {
    val jvmTarget = Target()
}

class Target {
    fun set(target: JvmTarget) = check(target == JvmTarget.JVM_17)
}

class Dependencies {
    fun implementation(name: String) = check(name.count { it == ':' } == 2)

    fun testImplementation(name: String) = check(name.count { it == ':' } == 2)
}
