// SPDX-License-Identifier: Apache-2.0
plugins {
    id("com.android.application")
    id("org.jetbrains.kotlin.android")
}

android {
    namespace = "org.edgetf.listen"
    compileSdk = 36

    defaultConfig {
        applicationId = "org.edgetf.listen"
        minSdk = 24
        targetSdk = 36
        versionCode = 1
        versionName = "1.0"
    }

    // Models are memory-mapped directly from the package.
    androidResources {
        noCompress += "tflite"
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

// A target and no toolchain: any JDK from 17 on works, such as the one in Android Studio.
kotlin {
    compilerOptions {
        jvmTarget.set(org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17)
    }
}

dependencies {
    // One is enough: remove the one you do not use, with its Classifier.
    implementation("com.google.mediapipe:tasks-audio:1.0.0")
    implementation("com.google.ai.edge.litert:litert:2.3.0")

    testImplementation("junit:junit:4.13.2")
}
